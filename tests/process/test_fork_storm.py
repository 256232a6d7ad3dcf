"""Forks while other threads are in the middle of requests, with whatever locks they hold: the child never hangs.

The endpoints fail now and then, so that the locks of budgets, breakers, estimates and rests are in use as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from meshlib.testing.server import FaultServer, Mode, Request
from tests.process.echo import echo
from tests.process.program import run

PROGRAM = """
import json, os, signal, sys, threading, time
import meshlib

addresses, forks, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
mesh = meshlib.Mesh({"payment-service": meshlib.Service(
    "static://" + addresses, breaker={"open_min": 0.01}, retry={"max_attempts": 4, "backoff": {"base": 0.001}}
)})
client = meshlib.Client(mesh=mesh, trust_env=False, timeout=10)
url, stop = "http://payment-service", threading.Event()
found = {"requests": 0, "wrong": 0, "hung": 0, "failed": [], "left": 0}

def fetch(token):
    response = client.get(url + token)
    return response.status_code >= 500 or response.text == token

def hammer(name):
    number = 0
    while not stop.is_set():
        number += 1
        if not fetch(f"/{name}-{number}"):
            found["wrong"] += 1
    found["requests"] += number

def in_flight():
    return sum(e["in_flight"] for e in mesh.snapshot()["payment-service"]["endpoints"].values())

def child():
    if in_flight():
        os._exit(3)
    for number in range(3):
        if not fetch(f"/{os.getpid()}-{number}"):
            os._exit(4)
    os._exit(5 if in_flight() else 0)

def reap(pid):
    until = time.monotonic() + 10
    while time.monotonic() < until:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.001)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None

def storm():
    for _ in range(forks):
        pid = os.fork()
        if pid == 0:
            child()
        code = reap(pid)
        if code is None:
            found["hung"] += 1
        elif code:
            found["failed"].append(code)

workers = [threading.Thread(target=hammer, args=(name,)) for name in range(threads)]
for worker in workers:
    worker.start()
forking = threading.Thread(target=storm)  # not in the main thread, so that the child goes on in another one
forking.start()
forking.join()
stop.set()
for worker in workers:
    worker.join()
found["left"] = in_flight()
client.close()
print(json.dumps(found))
"""


def flaky(request: Request) -> Mode:
    """One answer in seven fails."""
    return Mode.fail(503) if hash(request.target) % 7 == 0 else Mode(body=request.target.encode())


@contextmanager
def fleet() -> Iterator[str]:
    """Three such endpoints, as a `static` source lists them."""
    with FaultServer(mode=flaky) as a, FaultServer(mode=flaky) as b, FaultServer(mode=flaky) as c:
        yield f"{a.address},{b.address},{c.address}"


def storm(forks: int, limit: float) -> dict[str, Any]:
    with fleet() as addresses:
        found: dict[str, Any] = json.loads(run(PROGRAM, addresses, str(forks), "4", limit=limit))
    return found


def nothing_went_wrong(found: dict[str, Any]) -> bool:
    return (found["wrong"], found["hung"], found["failed"], found["left"]) == (0, 0, [], 0)


@pytest.mark.realtime
def test_children_of_a_busy_process_answer_and_none_hangs() -> None:
    found = storm(40, 60.0)
    assert found["requests"] > 40
    assert nothing_went_wrong(found), found


@pytest.mark.soak
def test_a_thousand_children_of_a_busy_process_answer_and_none_hangs() -> None:
    found = storm(1000, 900.0)
    assert nothing_went_wrong(found), found


EVERY_LOCK = """
import os, sys, threading
import meshlib
from meshlib.runtime import fork

mesh = meshlib.Mesh({"payment-service": meshlib.Service("static://" + sys.argv[1])})
client = meshlib.Client(mesh=mesh, trust_env=False, timeout=5)
assert client.get("http://payment-service/warm").text == "/warm"
locks, held, enough = list(fork._locks.values()), threading.Event(), threading.Event()

def hold():
    for lock in locks:
        lock.acquire()
    held.set()
    enough.wait()
    for lock in locks:
        lock.release()

thread = threading.Thread(target=hold)
thread.start()
held.wait()
child = os.fork()
if child == 0:
    right = [client.get(f"http://{name}/mine").text == "/mine" for name in ("payment-service", sys.argv[1])]
    os._exit(0 if all(right) else 1)
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
enough.set()
thread.join()
assert client.get("http://payment-service/after").text == "/after"
client.close()
print(code, len(locks) > 10)
"""


def test_a_child_whose_parent_held_every_lock_there_is_answers(tmp_path: Path) -> None:
    with echo(tmp_path) as backend:
        assert run(EVERY_LOCK, backend.server.address, limit=20.0) == "0 True\n"
