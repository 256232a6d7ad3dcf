"""`make test` without arguments: the suite in two processes, since a machine has two cores and a test mostly waits.

Each half is plain pytest, with the same seed. The second writes into a file, which is shown when both are over.
"""

import os
import random
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
BESIDE = ["tests/acceptance", "tests/fidelity", "tests/process", "tests/suites", "tests/torture"]
"""About half of the time. The foreign suites take a third process for most of it."""


def main() -> int:
    os.environ.setdefault("TEST_SEED", str(random.SystemRandom().randrange(2**32)))
    log = ROOT / ".cache" / "beside.log"
    log.parent.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "pytest"]
    with log.open("wb") as output:
        beside = subprocess.Popen([*command, *BESIDE], cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
        try:
            rest = subprocess.run([*command, *(f"--ignore={path}" for path in BESIDE)], cwd=ROOT, check=False)
            other = beside.wait()
        finally:
            beside.terminate()  # only where this half was interrupted
            beside.wait()
    sys.stdout.write(log.read_text(errors="replace"))
    return rest.returncode or other


if __name__ == "__main__":
    sys.exit(main())
