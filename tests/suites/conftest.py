"""The foreign suites run beside everything else, one after the other in a process of their own: they take minutes."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.suites.run import PATIENCE, Results

ROOT = Path(__file__).parents[2]
_beside: list[subprocess.Popen[bytes]] = []
_folder: list[Path] = []


def pytest_collection_finish(session: pytest.Session) -> None:
    wanted = [item.callspec.params for item in session.items if item.get_closest_marker("suite")]
    if not wanted or session.config.option.collectonly:
        return
    factory = session.config._tmp_path_factory
    _folder.append(factory.mktemp("suites"))
    names = [f"{params['suite'].name}:{params['way']}" for params in wanted]
    command = [sys.executable, "-m", "tests.suites.run", str(_folder[0]), *names]
    _beside.append(subprocess.Popen(command, cwd=ROOT))


def pytest_sessionfinish() -> None:
    for process in _beside:
        process.kill()
        process.wait()


@pytest.fixture
def outcomes() -> Callable[[str, str], tuple[Results, Results]]:
    """Results of a suite, stock and with our clients, once they are there."""

    def wait(suite: str, way: str) -> tuple[Results, Results]:
        path, until = _folder[0] / f"{suite}-{way}.json", time.monotonic() + 8 * PATIENCE
        while not path.is_file():
            assert _beside[0].poll() is None or path.is_file(), "the runs of the suites have broken off: see above"
            assert time.monotonic() < until
            time.sleep(0.1)
        found = json.loads(path.read_text())
        assert "error" not in found, found["error"]
        return Results(**found["stock"]), Results(**found["ours"])

    return wait
