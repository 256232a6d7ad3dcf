"""Run a foreign suite in a process of its own, stock or with our clients."""

import hashlib
import json
import os
import platform
import socket
import subprocess
import sys
import traceback
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

from tests.suites.suite import CACHE, HERE, Suite, lay_out, load

PATIENCE = 300  # seconds for one run; the longest takes about 20


@dataclass(frozen=True)
class Results:
    tests: dict[str, dict[str, str]]
    made: dict[str, int]

    def failed(self) -> set[str]:
        return {test for test, entry in self.tests.items() if entry["outcome"] == "failed"}


def free_ports(number: int) -> list[int]:
    sockets = [socket.socket() for _ in range(number)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def run(suite: Suite, folder: Path, clients: dict[str, str]) -> Results:
    """Outcomes of one run; `clients` empty means stock."""
    lay_out(suite, folder, free_ports(2))
    results = folder / "results.json"
    environment = {
        **os.environ,
        "PYTHONPATH": str(HERE / "plugins"),
        "SUITE_RESULTS": str(results),
        "SUITE_CLIENTS": ",".join(f"{stock}={ours}" for stock, ours in clients.items()),
    }
    options = ["-p", "in_place", "-p", "no:cacheprovider", "-q", "-o", "faulthandler_timeout=120", "-m", suite.select]
    command = [sys.executable, "-m", "pytest", *options, *suite.arguments, "tests"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    if not results.is_file():
        raise RuntimeError(f"{suite.name}: the suite did not run\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
    return Results(**json.loads(results.read_text()))


def stock(suite: Suite, folder: Path) -> Results:
    """The run to compare with; kept, for it changes only with the installed packages, Python and the suite's table."""
    installed = sorted(f"{d.name}=={d.version}" for d in metadata.distributions() if d.name != "meshlib-client")
    runner = [p.read_text() for p in sorted(HERE.rglob("*.py"))]
    key = hashlib.sha256(json.dumps([installed, platform.python_version(), asdict(suite), runner]).encode()).hexdigest()
    kept = CACHE / f"{suite.name}-stock-{key[:16]}.json"
    if not kept.is_file():
        results = run(suite, folder, {})
        kept.write_text(json.dumps(asdict(results)))
    return Results(**json.loads(kept.read_text()))


def compare(suite: Suite, way: str, folder: Path) -> None:
    """Both runs of a suite, into a file that is there only when it is complete."""
    try:
        before = stock(suite, folder / f"{suite.name}-{way}-stock")
        after = run(suite, folder / f"{suite.name}-{way}-ours", suite.ours(way))
        found = {"stock": asdict(before), "ours": asdict(after)}
    except Exception:
        found = {"error": traceback.format_exc()}
    path = folder / f"{suite.name}-{way}.json"
    path.with_suffix(".part").write_text(json.dumps(found))
    path.with_suffix(".part").rename(path)


if __name__ == "__main__":
    os.nice(5)  # whoever is timed beside us comes first
    suites = {suite.name: suite for suite in load()}
    for wanted in sys.argv[2:]:
        name, _, way = wanted.partition(":")
        compare(suites[name], way, Path(sys.argv[1]))
