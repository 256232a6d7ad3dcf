"""A client that was used before a fork: no child reads a word of its parent's connections, and the parent goes on.

The other side stands beside it: with bare httpx most answers in the children belong to a request of another process.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.process.echo import Echo, echo
from tests.process.program import run

CHILDREN, EACH = 4, 50

PROGRAM = """
import asyncio, importlib, json, os, ssl, sys
import meshlib

module, kind, url, ca, children, each, timeout = *sys.argv[1:5], *map(int, sys.argv[5:])
scheme, address = url.rstrip("/").split("://")
hx, kw = importlib.import_module(module), {"verify": ssl.create_default_context(cafile=ca)} if ca else {}
targets = [f"{scheme}://{address}"]
if module.startswith("meshlib"):
    targets.append(f"{scheme}://payment-service")
    kw["mesh"] = meshlib.Mesh({"payment-service": meshlib.Service(f"static://{address}")})

async def get(url):
    response = client.get(url) if kind == "sync" else await asyncio.wait_for(client.get(url), timeout)
    return response.text

async def ask(name, count):
    found = {"wrong": 0, "errors": []}
    for number in range(count):
        token = f"/{name}-{number}"
        try:
            found["wrong"] += await get(targets[number % len(targets)] + token) != token
        except Exception as error:
            found["errors"].append(repr(error))
    return found

def drive(coroutine):
    if kind != "sync":
        return asyncio.run(coroutine)
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value

def child(go, results):
    os.read(go[0], 1)  # until all are there
    found = drive(ask(os.getpid(), each))
    os.write(results[1], json.dumps(found).encode() + b"\\n")
    os._exit(0)

async def main():
    global client
    client = (hx.Client if kind == "sync" else hx.AsyncClient)(trust_env=False, timeout=timeout, **kw)
    warm = await ask("warm", 4)
    go, results, pids = os.pipe(), os.pipe(), []
    for _ in range(children):
        pid = os.fork()
        if pid == 0:
            os.close(go[1])
            child(go, results)
        pids.append(pid)
    os.close(go[1])
    parent = await ask("parent", each)
    assert all(os.waitpid(pid, 0)[1] == 0 for pid in pids)
    os.close(results[1])
    after = await ask("after", 4)
    client.close() if kind == "sync" else await client.aclose()
    with os.fdopen(results[0]) as lines:
        children_found = [json.loads(line) for line in lines]
    print(json.dumps({"children": children_found, "parents": [warm, parent, after]}))

drive(main())
"""


def fork(module: str, kind: str, backend: Echo, timeout: int = 10) -> dict[str, Any]:
    """What parent and children found."""
    found: dict[str, Any] = json.loads(
        run(PROGRAM, module, kind, backend.url, backend.ca, str(CHILDREN), str(EACH), str(timeout)).splitlines()[-1]
    )
    return found


def right(found: dict[str, Any]) -> bool:
    return all(one == {"wrong": 0, "errors": []} for who in found.values() for one in who)


@pytest.mark.realtime
@pytest.mark.parametrize("module", ["httpx", "httpx2"])
def test_children_of_bare_httpx_get_the_answers_of_others(module: str, tmp_path: Path) -> None:
    with echo(tmp_path, delay=0.005) as backend:  # long enough for the others' requests to come in between
        found = fork(module, "sync", backend, timeout=1)
    assert sum(one["wrong"] for who in found.values() for one in who) >= 5  # mostly far more; who runs when decides


@pytest.mark.realtime
@pytest.mark.parametrize("module", ["meshlib", "meshlib.httpx2"])
@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_every_child_gets_its_own_answers_and_the_parent_goes_on(
    module: str, kind: str, tls: bool, tmp_path: Path
) -> None:
    with echo(tmp_path, tls=tls) as backend:
        found = fork(module, kind, backend)
        assert len(found["children"]) == CHILDREN
        assert right(found), found
        routes = 2  # by the address itself, and by the service's name
        assert backend.server.connections == routes * (1 + CHILDREN), "the parent kept its connections"
