"""Storms: very many calls, cancelled at random moments or dropped, and what a client is worth afterwards.

Each storm takes any async client, bare or ours, so that both sides go through the same; `Tally` says how it ended.
"""

from __future__ import annotations

import asyncio
import gc
import time
import warnings
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import anyio
import httpx
import httpx2

from meshlib.testing import Mode
from meshlib.testing.server.request import Request
from meshlib.wire.private import own_transport, pool_of

SLOTS = 10
AT_ONCE = 20
PROBES = 10
"""Requests at once afterwards: as many as the pool has connections, so that each lost one is missed."""


@dataclass
class Tally:
    """`outcomes` counts how calls ended, `answered` of the PROBES afterwards and in how many `seconds`, `leaked` are
    connections neither idle nor closed, `left` other gauges that are not 0, `foreign` errors not of httpx."""

    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    foreign: int = 0
    answered: int = 0
    seconds: float = 0.0
    leaked: int = 0
    left: dict[str, Any] = field(default_factory=dict)
    warned: int = 0

    @property
    def clean(self) -> bool:
        """Nothing leaked, mixed up or raised as it came, no gauge left, and all who asked afterwards were answered."""
        return (self.answered, self.leaked, self.wrong, self.foreign, self.left) == (PROBES, 0, 0, 0, {})


def echo(times: int, delay: float) -> Callable[[Request], Mode]:
    """A server's mode: the body is the path, so many times, after `delay` seconds."""
    return lambda request: Mode(body=f"{request.target}.".encode() * times, delay=delay)


@dataclass
class Storm:
    """`client` is what is used. `url` is without a path where the server answers with a body made of the path (see
    `echo`), so that a mixed-up answer is noticed; else `body` is the right one."""

    client: Any
    url: str
    rng: Random
    body: bytes | None = None
    times: int = 1
    calls: int = 0
    tally: Tally = field(default_factory=Tally)

    def ask(self) -> tuple[str, bytes]:
        """The next call's URL and the right answer."""
        if self.body is not None:
            return self.url, self.body
        self.calls += 1
        return f"{self.url}/{self.calls}", b"/%d." % self.calls * self.times

    async def get(self) -> None:
        url, right = self.ask()
        self._judge((await self.client.get(url)).content, right)

    async def stream(self) -> None:
        url, right = self.ask()
        async with self.client.stream("GET", url) as response:
            self._judge(b"".join([chunk async for chunk in response.aiter_raw()]), right)

    def _judge(self, body: bytes, right: bytes) -> None:
        self.tally.outcomes["done"] += 1
        self.tally.wrong += body != right

    async def many(self, count: int, one: Callable[[int], Awaitable[None]], at_once: int = AT_ONCE) -> Tally:
        """`count` calls of `one`, so many at a time; then the probes."""
        numbers = iter(range(count))

        async def worker() -> None:
            for number in numbers:
                await one(number)

        async with anyio.create_task_group() as group:
            for _ in range(at_once):
                group.start_soon(worker)
        return await self.probed()

    async def probed(self) -> Tally:
        """What the client is worth now."""
        await anyio.sleep(0.05)  # sockets that were cut are closed, and the loop's turns taken
        self.tally.leaked = leaked(self.client)
        began = time.monotonic()

        async def probe() -> None:
            url, right = self.ask()
            try:
                body = (await self.client.get(url)).content
                self.tally.answered += body == right
            except Exception as exc:
                self.tally.outcomes[f"afterwards {type(exc).__name__}"] += 1

        async with anyio.create_task_group() as group:
            for _ in range(PROBES):
                group.start_soon(probe)
        self.tally.seconds = time.monotonic() - began
        return self.tally

    async def cancelled(self, call: Callable[[], Any], within: float, *, twice: bool) -> None:
        """Cancel a call of asyncio's at a random moment, the second time in its clean-up."""
        task = asyncio.ensure_future(call())
        await asyncio.sleep(self.rng.random() * within)
        task.cancel()
        if twice:
            await asyncio.sleep(self.rng.random() * 0.001)
            task.cancel()
        await asyncio.wait([task])
        self.ended(task)

    async def left_scope(self, call: Callable[[], Any], within: float, least: float = 0.0) -> None:
        """Cancel a call by a scope of anyio's or trio's at a random moment, not before `least` seconds."""
        with anyio.move_on_after(least + self.rng.random() * within) as scope:
            try:
                await call()
            except Exception as exc:
                self._failed(exc)
        self.tally.outcomes["cancelled"] += scope.cancelled_caught

    def ended(self, task: asyncio.Task[Any]) -> None:
        if task.cancelled():
            self.tally.outcomes["cancelled"] += 1
        elif (error := task.exception()) is not None:
            self._failed(error)

    def _failed(self, error: BaseException) -> None:
        self.tally.outcomes[type(error).__name__] += 1
        self.tally.foreign += not isinstance(error, httpx.HTTPError | httpx2.HTTPError)


async def random_cancels(storm: Storm, count: int, *, within: float = 0.015) -> Tally:
    """Each cancelled within so many seconds, every fifth twice, every third a stream. Every twentieth is left alone: it
    must not suffer from its neighbours."""

    async def one(number: int) -> None:
        call = storm.stream if number % 3 == 0 else storm.get
        if number % 20 == 7:
            await storm.left_scope(call, 1.0, least=5.0)
            return
        await storm.cancelled(call, within, twice=storm.rng.random() < 0.2)

    return await storm.many(count, one)


async def random_scopes(storm: Storm, count: int) -> Tally:
    """The same by scopes, on asyncio or trio."""

    async def one(number: int) -> None:
        await storm.left_scope(storm.stream if number % 3 == 0 else storm.get, 0.015)

    return await storm.many(count, one)


async def cancelled_streams(storm: Storm, count: int, *, twice: bool) -> Tally:
    """Streams, each cancelled in its first 20 ms, once or twice."""
    return await storm.many(count, lambda _: storm.cancelled(storm.stream, 0.020, twice=twice))


async def dropped_streams(storm: Storm, count: int) -> Tally:
    """Streams that are opened and neither read nor closed; a collection after every few. One that fails ends it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for number in range(count):
            request = storm.client.build_request("GET", storm.ask()[0])
            try:
                response = await storm.client.send(request, stream=True)
            except Exception as exc:
                storm.tally.outcomes[type(exc).__name__] += 1
                break
            storm.tally.outcomes["dropped"] += 1
            del response, request
            if number % 5 == 4:
                gc.collect()
        gc.collect()
        storm.tally.warned = sum("neither closed nor read" in str(each.message) for each in caught)
    return await storm.probed()


async def gathers(storm: Storm, count: int) -> Tally:
    """Many more calls at once than there are connections, all cancelled together while most of them wait for one."""
    for _ in range(count // 50):
        calls = [asyncio.ensure_future(storm.get()) for _ in range(50)]
        together = asyncio.gather(*calls)
        await asyncio.sleep(storm.rng.random() * 0.02)
        together.cancel()
        await asyncio.gather(together, return_exceptions=True)
        await asyncio.wait(calls)
        for call in calls:
            storm.ended(call)
    return await storm.probed()


def leaked(client: Any) -> int:
    """Connections of a client, bare or ours, that are neither idle nor closed while nothing runs."""
    pool = pool_of(own_transport(client))
    if hasattr(pool, "counts"):
        counts = pool.counts()
        return int(counts["open"] - counts["idle"] + counts["waiting"])
    return sum(not (each.is_idle() or each.is_closed()) for each in pool.connections)
