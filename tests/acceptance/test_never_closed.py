"""A stream that nobody closes is given back when it is collected, and a warning says where it was opened.

httpx keeps the connection for ever: after as many as the pool has, every request fails.
"""

from __future__ import annotations

import gc
import inspect
import warnings
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

import meshlib
from meshlib.testing import FaultServer, Mode
from tests.ways import Face, Way, busy, each_way

URL = "http://payment-service/"
SLOTS = 5
LONG = Mode(body=b"x" * 3_000_000)
"""More than comes together with a head."""


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer(mode=LONG) as running:
        yield running


def mesh_of(server: FaultServer) -> meshlib.Mesh:
    return meshlib.Mesh({"payment-service": {"discovery": f"static://{server.address}"}})


async def opened(client: Face, url: str = URL) -> tuple[Any, int]:
    """A response that is streamed, and the line that opened it."""
    request = client.client.build_request("GET", url)
    frame = inspect.currentframe()
    assert frame is not None
    if client.way.sync:
        return client.client.send(request, stream=True), frame.f_lineno
    return await client.client.send(request, stream=True), frame.f_lineno


async def dropped(client: Face) -> int:
    """Opens one and keeps nothing of it."""
    response, line = await opened(client)
    assert response.status_code == 200
    return line


def told(caught: list[warnings.WarningMessage]) -> list[warnings.WarningMessage]:
    return [warning for warning in caught if issubclass(warning.category, ResourceWarning)]


@each_way
def test_the_warning_names_file_and_line(way: Way, server: FaultServer) -> None:
    mesh = mesh_of(server)

    async def scenario(client: Face) -> None:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            line = await dropped(client)
            gc.collect()
        (warning,) = told(caught)
        assert f"{__file__}:{line}" in str(warning.message)
        assert (warning.filename, warning.lineno) == (__file__, line)
        assert busy(mesh) == 0
        assert await client.eventually(lambda: server.open_connections == 0)

    way.run(scenario, mesh=mesh)


@each_way
def test_a_context_manager_that_is_never_left_gives_back_too(way: Way, server: FaultServer) -> None:
    """Python itself closes the sync one, whose generator it ends, so there is nothing to warn of."""
    mesh = mesh_of(server)

    async def scenario(client: Face) -> None:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            line = await entered(client)
            gc.collect()
        text = "".join(str(warning.message) for warning in told(caught))
        assert way.sync or f"{__file__}:{line}" in text
        assert busy(mesh) == 0

    way.run(scenario, mesh=mesh)


async def entered(client: Face) -> int:
    """Enters `client.stream()` and keeps nothing of it; returns the line."""
    manager = client.client.stream("GET", URL)
    frame = inspect.currentframe()
    assert frame is not None
    if client.way.sync:
        line, response = frame.f_lineno, manager.__enter__()
    else:
        line, response = frame.f_lineno, await manager.__aenter__()
    assert response.status_code == 200
    return line


@each_way
@pytest.mark.filterwarnings("ignore:.*a streamed response:ResourceWarning")
def test_its_slot_is_free_again(way: Way, server: FaultServer) -> None:
    mesh = mesh_of(server)
    limits = way.hx.Limits(max_connections=SLOTS)

    async def scenario(client: Face) -> None:
        for _ in range(2):
            for _ in range(SLOTS):
                await dropped(client)
            gc.collect()
        assert busy(mesh) == 0
        assert len((await client.get(URL)).content) == 3_000_000

    way.run(scenario, mesh=mesh, limits=limits, timeout=way.hx.Timeout(5.0, pool=1.0))


@each_way
def test_one_that_was_closed_or_read_warns_of_nothing(way: Way, server: FaultServer) -> None:
    """Warnings are errors here."""

    async def scenario(client: Face) -> None:
        response, _ = await opened(client)
        await client.close(response)
        response, _ = await opened(client)
        await client.read(response)
        response, _ = await opened(client)
        await client.pull(response, [])

    way.run(scenario, mesh=mesh_of(server))


@each_way
def test_a_short_one_holds_its_slot_too_and_gives_it_back(way: Way, server: FaultServer) -> None:
    """Also where all of it has come with its head."""
    server.mode = Mode()

    async def scenario(client: Face) -> None:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ResourceWarning)
            line = await dropped(client)
            gc.collect()
        assert [warning.lineno for warning in told(caught)] == [line]
        assert (await client.get(URL)).status_code == 200

    way.run(scenario, mesh=mesh_of(server), limits=way.hx.Limits(max_connections=1), timeout=1.0)


def test_bare_httpx_loses_a_slot_for_each(server: FaultServer) -> None:
    limits, timeout = httpx.Limits(max_connections=SLOTS), httpx.Timeout(5.0, pool=0.1)
    with httpx.Client(limits=limits, timeout=timeout, trust_env=False) as client:
        for _ in range(SLOTS):
            client.send(client.build_request("GET", server.url), stream=True)
        gc.collect()
        with pytest.raises(httpx.PoolTimeout):
            client.get(server.url)
