"""`client.close(grace=...)`: requests under way end by themselves, new ones are refused."""

import asyncio
import threading
import time

import pytest

import meshlib
from meshlib.testing.server import FaultServer, Mode
from tests.ways import busy

URL = "http://payment-service/"


@pytest.fixture
def server():
    with FaultServer() as running:
        yield running


def mesh_of(server):
    return meshlib.Mesh({"payment-service": {"discovery": f"static://{server.address}", "retry": False}})


@pytest.mark.realtime
def test_a_blocking_request_under_way_is_answered(server):
    server.mode = Mode.ok(delay=0.3)
    mesh = mesh_of(server)
    client = meshlib.Client(mesh=mesh)
    answers = []
    thread = threading.Thread(target=lambda: answers.append(client.get(URL).status_code))
    thread.start()
    wait_for(server)
    began = time.monotonic()
    client.close(grace=5)
    assert time.monotonic() - began < 3
    thread.join(5)
    assert (answers, busy(mesh)) == ([200], 0)


@pytest.mark.realtime
@pytest.mark.parametrize("grace", [0.0, 0.05])
def test_without_enough_grace_it_is_cut(server, grace):
    server.mode = Mode.ok(delay=2)
    client = meshlib.Client(mesh=mesh_of(server))
    errors = []

    def ask():
        try:
            client.get(URL)
        except Exception as exc:
            errors.append(exc)

    thread = threading.Thread(target=ask)
    thread.start()
    wait_for(server)
    client.close(grace=grace)
    thread.join(1.5)
    assert not thread.is_alive()
    assert len(errors) == 1


@pytest.mark.realtime
def test_an_async_request_under_way_is_answered_and_a_new_one_refused(server):
    server.mode = Mode.ok(delay=0.3)
    mesh = mesh_of(server)

    async def main():
        client = meshlib.AsyncClient(mesh=mesh)
        first = asyncio.create_task(client.get(URL))
        await asyncio.sleep(0.1)
        closing = asyncio.create_task(client.aclose(grace=5))
        await asyncio.sleep(0.05)
        with pytest.raises(RuntimeError, match="has been closed"):
            await client.get(URL)
        await closing
        assert (await first).status_code == 200

    asyncio.run(main())
    assert busy(mesh) == 0


def wait_for(server):
    until = time.monotonic() + 5
    while not server.requests and time.monotonic() < until:
        time.sleep(0.005)
