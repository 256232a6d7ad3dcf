"""gunicorn with `--preload`: the application is loaded before the forks, with a client that has connections already."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.process.echo import Echo, echo
from tests.ways import eventually

WORKERS, THREADS, EACH = 4, 8, 20

APPLICATION = """
import os
import meshlib
import {module} as hx

address = os.environ["BACKEND"]
kw = {{}}
if hx.__name__.startswith("meshlib"):
    kw["mesh"] = meshlib.Mesh({{"payment-service": meshlib.Service(f"static://{{address}}")}})
    address = "payment-service"
client = hx.Client(trust_env=False, timeout=2, **kw)
client.get(f"http://{{address}}/warm")

def application(environ, start_response):
    try:
        body = client.get(f"http://{{address}}" + environ["PATH_INFO"]).content
    except Exception as error:
        body = repr(error).encode()
    start_response("200 OK", [("Content-Length", str(len(body))), ("X-Worker", str(os.getpid()))])
    return [body]
"""


@contextmanager
def gunicorn(folder: Path, module: str, backend: Echo, *options: str) -> Iterator[tuple[str, Path]]:
    """gunicorn's URL, and where its standard error is written."""
    (folder / "application.py").write_text(APPLICATION.format(module=module))
    log = folder / "log"
    command = [sys.executable, "-m", "gunicorn", "--preload", "--workers", str(WORKERS), "--bind", "127.0.0.1:0"]
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [*command, "--no-control-socket", *options, "application"],
            cwd=folder,
            stderr=stderr,
            env={**os.environ, "BACKEND": backend.server.address, "PYTHONPATH": str(folder)},
        )
    try:
        assert eventually(lambda: log.read_text().count("Booting worker") == WORKERS, 30), log.read_text()
        yield re.findall(r"Listening at: (\S+)", log.read_text())[0], log
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def ask(url: str) -> tuple[int, set[str]]:
    """How many answers were wrong, and which workers gave any."""
    wrong, workers = 0, set()

    def one(name: int) -> None:
        nonlocal wrong
        with httpx.Client(trust_env=False, timeout=20, headers={"connection": "close"}) as client:
            for number in range(EACH):
                response = client.get(f"{url}/{name}-{number}")
                workers.add(response.headers["x-worker"])
                wrong += response.text != f"/{name}-{number}"

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(one, range(THREADS)))
    return wrong, workers


@pytest.mark.realtime
def test_workers_of_bare_httpx_give_each_other_s_answers(tmp_path: Path) -> None:
    with echo(tmp_path, delay=0.003) as backend, gunicorn(tmp_path, "httpx", backend) as (url, _):
        wrong, _ = ask(url)
    assert wrong > 0


@pytest.mark.realtime
@pytest.mark.parametrize("options", [(), ("--worker-class", "gthread", "--threads", "2")], ids=["sync", "gthread"])
def test_workers_give_their_own_answers(options: tuple[str, ...], tmp_path: Path) -> None:
    with echo(tmp_path, delay=0.003) as backend:
        with gunicorn(tmp_path, "meshlib", backend, *options) as (url, log):
            wrong, workers = ask(url)
            assert wrong == 0
            assert len(workers) > 1
            assert "Traceback" not in log.read_text()
            assert backend.server.open_connections >= 1 + len(workers), "the master's own is still open"
        assert "Traceback" not in log.read_text()
