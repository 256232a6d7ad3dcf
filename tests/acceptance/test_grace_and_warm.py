"""What a deployment needs at its ends: connections before the first request, and time for the last ones."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator

import anyio
import pytest
import trustme

import meshlib
from meshlib.testing import FaultServer, Mode
from tests.acceptance.serving import serving
from tests.acceptance.tls_pair import TlsPair
from tests.ways import Face, Way, busy, each_async_way, each_sync_way, each_way

URL = "http://payment-service/"
BODY = b"x" * 20
DRIPPING = Mode.drip_body(0.02).replace(body=BODY)
"""Takes 0.4 s."""

pytestmark = pytest.mark.realtime


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer(mode=DRIPPING) as running:
        yield running


def mesh_of(server: FaultServer) -> meshlib.Mesh:
    return meshlib.Mesh({"payment-service": {"discovery": f"static://{server.address}"}})


@each_async_way
def test_a_stream_under_way_is_read_to_its_end_within_the_grace(way: Way, server: FaultServer) -> None:
    mesh = mesh_of(server)

    async def scenario(client: Face) -> None:
        got: list[bytes] = []
        async with anyio.create_task_group() as tasks, client.stream("GET", URL) as response:
            tasks.start_soon(lambda: client.client.aclose(grace=5))
            await anyio.sleep(0.05)
            await client.pull(response, got)
        assert b"".join(got) == BODY
        assert busy(mesh) == 0
        assert await client.eventually(lambda: server.open_connections == 0)

    way.run(scenario, mesh=mesh)


@each_sync_way
def test_a_stream_in_another_thread_is_read_to_its_end_within_the_grace(way: Way, server: FaultServer) -> None:
    mesh = mesh_of(server)

    async def scenario(client: Face) -> None:
        got: list[bytes] = []
        async with client.stream("GET", URL) as response:
            closing = threading.Thread(target=lambda: client.client.close(grace=5))
            closing.start()
            await client.pull(response, got)
            closing.join(5)
        assert b"".join(got) == BODY
        assert busy(mesh) == 0
        assert await client.eventually(lambda: server.open_connections == 0)

    way.run(scenario, mesh=mesh)


@each_way
def test_nothing_under_way_costs_no_grace(way: Way, server: FaultServer) -> None:
    server.mode = Mode()

    async def scenario(client: Face) -> None:
        await client.get(URL)
        began = time.monotonic()
        await way.value(client.client.close(grace=5) if way.sync else client.client.aclose(grace=5))
        assert time.monotonic() - began < 1

    way.run(scenario, mesh=mesh_of(server))


@each_way
def test_warm_connections_have_shaken_hands_and_serve_only_the_name_they_were_warmed_for(way: Way) -> None:
    ca = trustme.CA()
    context = ssl.create_default_context()
    ca.configure_trust(context)
    with serving(TlsPair(ca, ("payment-service", "audit-service"))) as pair:
        source = {"discovery": f"static://{pair.address}"}
        mesh = meshlib.Mesh({"payment-service": source, "audit-service": source})

        async def scenario(client: Face) -> None:
            assert await way.value(client.client.warm("https://payment-service/", connections=3)) == 3
            assert await client.eventually(lambda: pair.made == 3)
            assert (await client.get("https://payment-service/")).json()["certificate"] == "payment-service"
            assert pair.made == 3
            assert (await client.get("https://audit-service/")).json()["certificate"] == "audit-service"
            assert pair.made == 4

        way.run(scenario, mesh=mesh, verify=context)
