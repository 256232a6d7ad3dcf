"""A forked child has HTTP/2 connections of its own: one frame of its on its parent's would end everybody's requests."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme

from tests.process.program import run
from tests.wire.h2server import H2Server

CHILDREN, EACH = 4, 20

PROGRAM = """
import asyncio, os, ssl, sys
import meshlib
import meshlib.httpx2

kind, module, address, ca, children, each = *sys.argv[1:5], int(sys.argv[5]), int(sys.argv[6])
ours = meshlib if module == "httpx" else meshlib.httpx2
mesh = meshlib.Mesh({"payment-service": meshlib.Service(f"static://{address}")})
kw = {"mesh": mesh, "http2": True, "verify": ssl.create_default_context(cafile=ca), "trust_env": False}

async def ask(client, name, count):
    right = 0
    for number in range(count):
        got = client.get(f"https://payment-service/{name}-{number}")
        response = got if kind == "sync" else await asyncio.wait_for(got, 10)
        right += response.text == "ok" and response.http_version == "HTTP/2"
    return right

def drive(coroutine):
    if kind != "sync":
        return asyncio.run(coroutine)
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value

async def main():
    client = ours.Client(**kw) if kind == "sync" else ours.AsyncClient(**kw)
    assert await ask(client, "warm", 2) == 2
    pids = []
    for child in range(children):
        pid = os.fork()
        if pid == 0:
            os._exit(0 if drive(ask(client, f"child{child}", each)) == each else 1)
        pids.append(pid)
    right = await ask(client, "parent", each)
    codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    right += await ask(client, "after", 2)
    print(codes, right)
    client.close() if kind == "sync" else await client.aclose()

drive(main())
"""


@pytest.mark.realtime
@pytest.mark.parametrize(("kind", "module"), [("sync", "httpx2"), ("async", "httpx")])
def test_every_child_dials_and_the_parent_goes_on_with_its_own(kind: str, module: str, tmp_path: Path) -> None:
    ca, path = trustme.CA(), tmp_path / "ca.pem"
    path.write_bytes(ca.cert_pem.bytes())
    with H2Server(ca, "payment-service") as server:
        out = run(PROGRAM, kind, module, server.address, str(path), str(CHILDREN), str(EACH))
        assert out == f"{[0] * CHILDREN} {EACH + 2}\n"
        assert server.connections == 1 + CHILDREN
        assert len({headers[b":path"] for headers in server.asked}) == 2 + (1 + CHILDREN) * EACH + 2
