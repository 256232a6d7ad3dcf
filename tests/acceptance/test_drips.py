"""A deadline of 0.5 s on a head or body that drips ends at 0.5 s. httpx's `timeout=0.5` begins anew with every byte."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator

import httpx
import pytest

import meshlib
from meshlib.testing import FaultServer, Mode
from tests.ways import Face, Way, busy, each_way

DEADLINE = 0.5
PROMISED = 0.02
"""Seconds on a quiet machine, either way."""
LATEST = DEADLINE + 10 * PROMISED

MODES = {
    "head": Mode.drip_head(0.05).replace(headers=(("X-Long", "x" * 99),)),
    "body": Mode.drip_body(0.05).replace(body=b"x" * 99),
}

Reader = Callable[[Face, str], Awaitable[None]]

pytestmark = pytest.mark.realtime


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


async def _read(client: Face, url: str) -> None:
    await client.get(url)


async def _streamed(client: Face, url: str) -> None:
    async with client.stream("GET", url) as response:
        await client.pull(response, [])


@each_way
@pytest.mark.parametrize(
    ("drip", "call"), [("head", _read), ("body", _read), ("body", _streamed)], ids=["head", "body", "streamed body"]
)
def test_the_call_ends_at_its_deadline(way: Way, server: FaultServer, drip: str, call: Reader) -> None:
    server.mode = MODES[drip]
    mesh = meshlib.Mesh(
        {"payment-service": {"discovery": f"static://{server.address}", "deadline": {"timeout": DEADLINE}}}
    )

    async def scenario(client: Face) -> float:
        began = time.monotonic()
        with pytest.raises(meshlib.DeadlineExceeded) as raised:
            await call(client, "http://payment-service/")
        took = time.monotonic() - began
        assert isinstance(raised.value, way.hx.TimeoutException)
        assert busy(mesh) == 0
        return took

    took = way.run(scenario, mesh=mesh)
    assert DEADLINE - PROMISED <= took < LATEST


@pytest.mark.parametrize("drip", MODES)
def test_bare_httpx_waits_for_every_byte_anew(server: FaultServer, drip: str) -> None:
    """Scaled down: with `timeout=0.5` and a byte every 200 ms, 40 bytes take 7.9 s."""
    server.mode = MODES[drip].replace(interval=0.01)
    began = time.monotonic()
    assert httpx.get(server.url, timeout=0.1, trust_env=False).status_code == 200
    assert time.monotonic() - began > 0.9
