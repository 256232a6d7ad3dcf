"""multiprocessing and ProcessPoolExecutor, in all three ways to start a process, with a client the module has used."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.process.echo import echo
from tests.process.program import run_file

PROGRAM = """
import multiprocessing, os, sys
from concurrent.futures import ProcessPoolExecutor
import meshlib

address = sys.argv[1]
client = meshlib.Client(
    mesh=meshlib.Mesh({"payment-service": meshlib.Service(f"static://{address}")}), trust_env=False, timeout=5
)
client.get("http://payment-service/warm")

def ask(name):
    tokens = [f"/{os.getpid()}-{name}-{number}" for number in range(25)]
    return sum(client.get("http://payment-service" + token).text != token for token in tokens)

def main():
    context = multiprocessing.get_context(sys.argv[2])
    if sys.argv[3] == "pool":
        with context.Pool(3) as pool:
            wrong = pool.map(ask, range(6))
    else:
        with ProcessPoolExecutor(3, mp_context=context) as pool:
            wrong = list(pool.map(ask, range(6)))
    print(wrong, ask("parent"))

if __name__ == "__main__":
    main()
    client.close()
"""


def workers_are_right(start: str, kind: str, folder: Path) -> bool:
    program = folder / "program.py"
    program.write_text(PROGRAM)
    with echo(folder) as backend:
        return run_file(program, backend.server.address, start, kind) == "[0, 0, 0, 0, 0, 0] 0\n"


@pytest.mark.realtime
@pytest.mark.parametrize(("start", "kind"), [("fork", "pool"), ("forkserver", "executor"), ("spawn", "executor")])
def test_every_worker_gets_its_own_answers(start: str, kind: str, tmp_path: Path) -> None:
    assert workers_are_right(start, kind, tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize(("start", "kind"), [("fork", "executor"), ("forkserver", "pool"), ("spawn", "pool")])
def test_every_worker_of_the_other_kind_does_so_too(start: str, kind: str, tmp_path: Path) -> None:
    assert workers_are_right(start, kind, tmp_path)
