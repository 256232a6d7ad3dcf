"""One scenario, six clients: sync, asyncio and trio, each on httpx and on httpx2.

A scenario is `async def scenario(client)`; `client` has the verbs of httpx, all of them to be awaited, and `stream`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
import httpx
import httpx2
import pytest
import trio

import meshlib
from meshlib.testing.virtual import VirtualRuntime


class Face:
    """A client of either kind with methods that are awaited."""

    def __init__(self, client: Any, way: Way) -> None:
        self.client = client
        self.way = way
        self.hx = way.hx

    async def get(self, url: str, **kw: Any) -> Any:
        return await self.way.value(self.client.get(url, **kw))

    async def post(self, url: str, **kw: Any) -> Any:
        return await self.way.value(self.client.post(url, **kw))

    async def outcome(self, method: str, url: str, **kw: Any) -> Any:
        """The response, or the error of httpx that was raised."""
        try:
            return await getattr(self, method)(url, **kw)
        except self.hx.HTTPError as exc:
            return exc

    async def send(self, request: Any, **kw: Any) -> Any:
        return await self.way.value(self.client.send(request, **kw))

    async def close(self, response: Any) -> None:
        await self.way.value(response.close() if self.way.sync else response.aclose())

    async def read(self, response: Any) -> bytes:
        return bytes(await self.way.value(response.read() if self.way.sync else response.aread()))

    @asynccontextmanager
    async def stream(self, method: str, url: str, **kw: Any) -> AsyncIterator[Any]:
        if self.way.sync:
            with self.client.stream(method, url, **kw) as response:
                yield response
        else:
            async with self.client.stream(method, url, **kw) as response:
                yield response

    async def eventually(self, true: Callable[[], bool], seconds: float = 5.0) -> bool:
        """`eventually`, below, which lets the loop run meanwhile."""
        until = time.monotonic() + seconds
        while not true() and time.monotonic() < until:
            if self.way.sync:
                time.sleep(0.005)
            else:
                await anyio.sleep(0.005)
        return true()

    async def pull(self, response: Any, into: list[bytes]) -> None:
        """Read the body chunk by chunk; what came before an error is in `into`."""
        if self.way.sync:
            for chunk in response.iter_raw():
                into.append(chunk)
        else:
            async for chunk in response.aiter_raw():
                into.append(chunk)


@dataclass(frozen=True)
class Way:
    """One of the six."""

    hx: Any
    kind: str

    def __str__(self) -> str:
        return f"{self.kind}-{self.hx.__name__}"

    @property
    def sync(self) -> bool:
        return self.kind == "sync"

    @property
    def ours(self) -> Any:
        return meshlib if self.hx is httpx else meshlib.httpx2

    async def value(self, outcome: Any) -> Any:
        return outcome if self.sync else await outcome

    def new(self, **kw: Any) -> Any:
        """A meshlib client of this way."""
        return (self.ours.Client if self.sync else self.ours.AsyncClient)(**{"trust_env": False, **kw})

    def stock(self, **kw: Any) -> Any:
        """A client of httpx or httpx2 itself."""
        return (self.hx.Client if self.sync else self.hx.AsyncClient)(**{"trust_env": False, **kw})

    def transport(self, **kw: Any) -> Any:
        return (self.ours.HTTPTransport if self.sync else self.ours.AsyncHTTPTransport)(**kw)

    def run(self, scenario: Callable[[Face], Awaitable[Any]], **kw: Any) -> Any:
        """Run a scenario with a meshlib client made of `kw`, and close the client."""
        return self.use(lambda: self.new(**kw), scenario)

    def use(self, make: Callable[[], Any], scenario: Callable[[Face], Awaitable[Any]]) -> Any:
        """The same with a client that `make` makes, inside the event loop where there is one."""

        async def main() -> Any:
            client = make()
            try:
                return await scenario(Face(client, self))
            finally:
                await self.value(client.close() if self.sync else client.aclose())

        if self.sync:
            return VirtualRuntime().run(main())
        return asyncio.run(main()) if self.kind == "asyncio" else trio.run(main)


WAYS = [Way(hx, kind) for hx in (httpx, httpx2) for kind in ("sync", "asyncio", "trio")]
each_way = pytest.mark.parametrize("way", WAYS, ids=str)
each_async_way = pytest.mark.parametrize("way", [w for w in WAYS if not w.sync], ids=str)
each_sync_way = pytest.mark.parametrize("way", [w for w in WAYS if w.sync], ids=str)


def busy(mesh: meshlib.Mesh, service: str = "payment-service") -> int:
    """Attempts of a service that are not released."""
    return sum(e["in_flight"] for e in mesh.snapshot()[service]["endpoints"].values())


def eventually(true: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Whether something another thread brings about is true within `seconds`."""
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True
