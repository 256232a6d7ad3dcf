"""How long a connection lives: idle, in all, and after its endpoint has left.

What takes minutes is seen on a clock that is moved; what a server does by itself, in real time.
"""

from __future__ import annotations

import asyncio
import importlib
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import anyio
import httpx
import pytest

import meshlib
from meshlib.endpoint import Address
from meshlib.runtime import clock
from meshlib.testing import FaultServer, Mode
from meshlib.testing.server import Fleet
from tests.acceptance.serving import Server, serving
from tests.ways import WAYS, Face, Way, busy, each_way

URL = "http://payment-service/"
PATIENCE = 0.4


class MovedClock:
    """The wire's clock; `ahead` seconds are added to it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead = 0.0
        for name in ("on_httpcore", "on_httpcore2"):
            importlib.import_module(f"meshlib.wire.{name}")  # these import all of it
        wire = [module for name, module in sys.modules.items() if name.startswith("meshlib.wire.")]
        for module in wire:
            if getattr(module, "now", None) is clock.now:
                monkeypatch.setattr(module, "now", self.now)

    def now(self) -> float:
        return clock.now() + self.ahead


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch) -> MovedClock:
    return MovedClock(monkeypatch)


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


def mesh_of(*addresses: str) -> meshlib.Mesh:
    source = f"static://{','.join(addresses)}"
    return meshlib.Mesh({"payment-service": {"discovery": source, "balance": {"policy": "round_robin"}}})


async def connections_after(client: Face, server: FaultServer, moved: MovedClock, idle: float) -> int:
    """How many were made, when a request came, the connection was idle for so long, and another came."""
    before = server.connections
    await client.get(URL)
    moved.ahead += idle
    await client.get(URL)
    moved.ahead += 1000  # what is idle now is too old for the next
    return server.connections - before


@each_way
@pytest.mark.parametrize(
    ("announced", "own", "reused", "new"),
    [
        (None, 5.0, 4.9, 5.1),
        ("timeout=10", 5.0, 7.9, 8.1),
        ("timeout=1, max=99", 5.0, 0.7, 0.9),
        ("timeout=10", 2, 1.9, 2.1),
    ],
    ids=["nothing said", "longer than httpx's default", "shorter", "shorter by the client's own limits"],
)
def test_idle_for_four_fifths_of_what_the_server_announces(
    way: Way, server: FaultServer, moved: MovedClock, announced: str | None, own: float, reused: float, new: float
) -> None:
    if announced is not None:
        server.mode = Mode(headers=(("Keep-Alive", announced),))

    async def scenario(client: Face) -> None:
        assert await connections_after(client, server, moved, reused) == 1
        assert await connections_after(client, server, moved, new) == 2

    way.run(scenario, mesh=mesh_of(server.address), limits=way.hx.Limits(keepalive_expiry=own))


@each_way
def test_none_is_used_for_longer_than_five_minutes_and_a_half(way: Way, server: FaultServer, moved: MovedClock) -> None:
    """However busy it is: its age is 5 minutes, give or take a tenth."""
    step = 2.0

    async def scenario(client: Face) -> None:
        for _ in range(3):
            before, age = server.connections, 0.0
            await client.get(URL)
            while server.connections <= before + 1 and age < 400:
                moved.ahead += step
                age += step
                await client.get(URL)
            assert 270 - step <= age <= 330 + step
            moved.ahead += 1000

    way.run(scenario, mesh=mesh_of(server.address))


@each_way
def test_an_endpoint_that_leaves_finishes_what_runs_and_its_idle_connections_close(way: Way) -> None:
    with Fleet(2, mode=Mode(body=b"x" * 3_000_000)) as fleet:
        leaving, staying = fleet.servers
        mesh = mesh_of(*fleet.addresses)

        async def scenario(client: Face) -> None:
            streams = [await opened(client) for _ in range(4)]
            running, _ = [stream for stream in streams if ends_at(stream) == leaving.address]
            for stream in streams:
                if stream is not running:
                    await client.read(stream)
            assert leaving.open_connections == 2
            for server in fleet.servers:
                server.mode = Mode()
            publish(mesh, staying)
            left = time.monotonic()
            while leaving.open_connections > 1 and time.monotonic() < left + 5:
                await client.get(URL)  # there is traffic
                await pause(way, 0.05)
            assert time.monotonic() - left < 2.0
            assert len(await client.read(running)) == 3_000_000
            assert await client.eventually(lambda: leaving.open_connections == 0)
            assert busy(mesh) == 0
            publish(mesh, *fleet.servers)
            before = leaving.requests
            for _ in range(20):
                await client.get(URL)
            assert leaving.requests > before

        way.run(scenario, mesh=mesh)


async def opened(client: Face) -> Any:
    return await client.send(client.client.build_request("GET", URL), stream=True)


def ends_at(response: Any) -> str | None:
    """The endpoint that a response comes from."""
    journal = meshlib.journal(response)
    assert journal is not None
    return journal.attempts[-1].endpoint


def publish(mesh: meshlib.Mesh, *servers: FaultServer) -> None:
    """As discovery does it."""
    service: Any = mesh.route(httpx.URL(URL))
    service.endpoints.publish([Address(server.host, server.port) for server in servers], time.monotonic())


async def pause(way: Way, seconds: float) -> None:
    if way.sync:
        time.sleep(seconds)
    else:
        await anyio.sleep(seconds)


class Impatient(Server):
    """A server that closes connections which are idle for `PATIENCE` seconds, without having said so."""

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(TimeoutError):
            while True:
                async with asyncio.timeout(PATIENCE):
                    await reader.readuntil(b"\r\n\r\n")
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


@pytest.mark.realtime
@pytest.mark.parametrize(
    ("way", "method"),
    [(way, "get") for way in WAYS] + [(way, "post") for way in WAYS if way.kind == "asyncio"],
    ids=str,
)
def test_a_server_that_closes_idle_connections_fails_no_request(way: Way, method: str) -> None:
    """Requests come just when it closes. A GET is sent again; a POST is safe where the closing itself was seen."""
    with serving(Impatient()) as server:

        async def scenario(client: Face) -> None:
            await client.get(URL)
            await pause(way, 1.5 * PATIENCE)
            for late in (0.0, -0.002, 0.002, -0.004, 0.001):
                assert (await getattr(client, method)(URL)).status_code == 200
                await pause(way, PATIENCE + late)

        way.run(scenario, mesh=mesh_of(server.address))


@pytest.mark.realtime
@pytest.mark.parametrize("way", [way for way in WAYS if way.kind == "asyncio"], ids=str)
def test_once_learnt_none_is_used_near_the_servers_limit(way: Way) -> None:
    """Only asyncio tells when an idle connection was closed; elsewhere that is seen when it is to be used again."""
    with serving(Impatient()) as server:

        async def scenario(client: Face) -> None:
            await client.get(URL)
            await pause(way, 1.5 * PATIENCE)
            assert await made(client, server, PATIENCE / 2) == 1  # the old one is gone; the new one is used again
            assert await made(client, server, 0.9 * PATIENCE) == 1  # it still lives there, but is not used any more

        way.run(scenario, mesh=mesh_of(server.address))


async def made(client: Face, server: Impatient, idle: float) -> int:
    before = server.made
    await client.get(URL)
    await pause(client.way, idle)
    await client.get(URL)
    return server.made - before
