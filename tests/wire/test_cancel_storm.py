"""Requests cancelled at random moments: the pool of httpcore 1 loses a connection now and then until it has none left.

The other side stands beside it: bare httpx is dead after the same storm.
"""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import httpx
import pytest

import meshlib
from meshlib.testing import FaultServer, Mode

SLOTS, REQUESTS, AT_ONCE = 10, 1500, 20
LIMITS = httpx.Limits(max_connections=SLOTS, max_keepalive_connections=SLOTS)


async def _storm(client: Any, url: str, rng: Random) -> int:
    """Cancel every request after up to 15 ms; returns how many of ten requests afterwards are answered."""

    async def one() -> None:
        task = asyncio.ensure_future(client.get(url))
        await asyncio.sleep(rng.random() * 0.015)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    gate = asyncio.Semaphore(AT_ONCE)

    async def bounded() -> None:
        async with gate:
            await one()

    await asyncio.gather(*(bounded() for _ in range(REQUESTS)))
    answers = await asyncio.gather(*(client.get(url) for _ in range(10)), return_exceptions=True)
    return sum(isinstance(answer, httpx.Response) for answer in answers)


@pytest.mark.realtime
@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_bare_httpx_is_dead_after_a_storm_of_cancellations(anyio_backend: str) -> None:
    with FaultServer(mode=Mode.ok(delay=0.005)) as server:
        async with httpx.AsyncClient(limits=LIMITS, timeout=httpx.Timeout(5.0, pool=0.5)) as client:
            assert await _storm(client, server.url, Random(1)) < 10


@pytest.mark.realtime
@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("configured", [True, False])
async def test_meshlib_answers_after_the_same_storm(anyio_backend: str, configured: bool) -> None:
    with FaultServer(mode=Mode.ok(delay=0.005)) as server:
        mesh = meshlib.Mesh({"payment-service": meshlib.Service(f"static://{server.address}")})
        url = "http://payment-service/" if configured else server.url
        async with meshlib.AsyncClient(mesh=mesh, limits=LIMITS, timeout=httpx.Timeout(5.0, pool=0.5)) as client:
            assert await _storm(client, url, Random(1)) == 10
        current = mesh.route(httpx.URL("http://payment-service/")).endpoints.current  # type: ignore[union-attr]
        assert current is not None
        assert [endpoint.in_flight for endpoint in current.endpoints] == [0]
