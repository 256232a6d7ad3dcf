"""Which storm goes over which client: the same list for `make test`, scaled down, and for `make soak`, in full."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

import httpx
import httpx2

import meshlib
from meshlib.testing import FaultServer
from tests.torture.gauges import Before, settled
from tests.torture.stage import NAME, Stage
from tests.torture.storms import (
    SLOTS,
    Storm,
    Tally,
    cancelled_streams,
    dropped_streams,
    echo,
    gathers,
    random_cancels,
    random_scopes,
)
from tests.torture.strike import run
from tests.wire.h2server import LARGE

POOL_WAIT = 0.5
"""Seconds that a caller waits for a connection: one that lost them all is found dead, and not slow."""


@dataclass(frozen=True)
class Kind:
    """One storm of `full` or `scaled` calls. An answer's body is `times` paths, `delay` seconds after the request."""

    name: str
    play: Callable[[Storm, int], Awaitable[Tally]]
    full: int
    scaled: int
    times: int = 50
    delay: float = 0.005
    http2: bool = False
    dies_at: int | None = 0
    """Calls after which bare httpx is dead, or short of connections, in any case; None: it survives this one."""

    def __str__(self) -> str:
        return self.name


KINDS = [
    Kind("random cancels", random_cancels, full=10_000, scaled=1500),
    Kind("streams cancelled", partial(cancelled_streams, twice=False), 1000, 250, times=30_000, delay=0.002),
    Kind("streams cancelled twice", partial(cancelled_streams, twice=True), 1000, 250, times=30_000, delay=0.002),
    Kind("streams dropped", dropped_streams, full=1000, scaled=100, times=30_000, delay=0.0),
    Kind("gathers cancelled", gathers, full=5000, scaled=500, dies_at=None),
    Kind("HTTP/2 downloads cancelled", partial(random_cancels, within=0.1), 2000, 200, http2=True, dies_at=2000),
]
ON_TRIO = Kind("random cancels by scopes", random_scopes, full=10_000, scaled=1000)

SIDES = ("httpx", "meshlib", "meshlib service", "meshlib.httpx2", "meshlib.httpx2 service")
"""The first is the other side; `service`: with endpoints and all default layers, else an unconfigured host."""


def play(kind: Kind, side: str, count: int, seed: int, stage: Stage, library: str = "asyncio") -> Tally:
    """One storm over one client."""

    async def main() -> Tally:
        async with _sheltered(kind, side, seed, stage) as (storm, mesh, before):
            tally = await kind.play(storm, count)
            if mesh is not None:
                tally.left = await settled(storm.client, mesh, before)
            return tally

    return run(library, main) if side != "httpx" else _quietly(main)  # type: ignore[no-any-return]


@asynccontextmanager
async def _sheltered(kind: Kind, side: str, seed: int, stage: Stage) -> AsyncIterator[tuple[Storm, Any, Before]]:
    with FaultServer(mode=echo(kind.times, kind.delay)) as server:
        address = stage.h2.address if kind.http2 else server.address
        before = Before(frozenset({int(address.rpartition(":")[2])}))
        mesh = None if side == "httpx" else meshlib.Mesh(_services(side, address))
        host = NAME if side.endswith("service") else address
        url = f"https://{host}/large" if kind.http2 else f"http://{host}"
        async with _client(side, mesh, stage, http2=kind.http2) as client:
            body = LARGE if kind.http2 else None
            yield Storm(client, url, Random(seed), body, kind.times), mesh, before


def _services(side: str, address: str) -> dict[str, Any]:
    return {NAME: {"discovery": f"static://{address}"}} if side.endswith("service") else {}


def _client(side: str, mesh: Any, stage: Stage, *, http2: bool) -> Any:
    hx: Any = httpx2 if "httpx2" in side else httpx
    limits = hx.Limits(max_connections=SLOTS, max_keepalive_connections=SLOTS)
    given = {"limits": limits, "timeout": hx.Timeout(5.0, pool=POOL_WAIT), "verify": stage.trust, "http2": http2}
    if mesh is None:
        return httpx.AsyncClient(trust_env=False, **given)
    ours = meshlib.httpx2 if hx is httpx2 else meshlib
    return ours.AsyncClient(mesh=mesh, trust_env=False, **given)


def _quietly(main: Callable[[], Awaitable[Tally]]) -> Tally:
    """The other side may leave its loop in any state."""
    import asyncio

    return asyncio.run(main())  # type: ignore[arg-type]
