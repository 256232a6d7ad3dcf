"""One scenario, four streams of our own: asyncio and sockets, each for httpcore and httpcore2."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import httpcore
import httpcore2
import pytest

from meshlib.runtime.clock import now
from meshlib.runtime.sync import SyncRuntime, complete
from meshlib.wire import on_httpcore, on_httpcore2

SHORT = 0.1  # seconds of a timeout that is expected
LOOSE = 10  # times as long as asked for is still right on a shared machine


class Took:
    """How long a block took. `about(s)`: not less than asked for, and not much more."""

    def __enter__(self) -> Took:
        self.began = time.monotonic()
        return self

    def __exit__(self, *exc: object) -> None:
        self.seconds = time.monotonic() - self.began

    def about(self, seconds: float) -> bool:
        return seconds - 0.005 <= self.seconds < LOOSE * seconds


class Face:
    """A stream of either kind with methods that are awaited."""

    def __init__(self, stream: Any, sync: bool) -> None:
        self.stream = stream
        self.sync = sync

    async def _value(self, outcome: Any) -> Any:
        return outcome if self.sync else await outcome

    async def read(self, size: int = 65536, timeout: float | None = 10.0) -> bytes:
        return bytes(await self._value(self.stream.read(size, timeout)))

    async def read_all(self, size: int, timeout: float | None = 10.0) -> bytes:
        data = b""
        while len(data) < size and (more := await self.read(timeout=timeout)):
            data += more
        return data

    async def write(self, data: bytes, timeout: float | None = 10.0) -> None:
        await self._value(self.stream.write(data, timeout))

    async def write_on(self, data: bytes) -> None:
        """Write until it fails."""
        for _ in range(1000):
            await self.write(data)

    async def start_tls(self, context: Any, name: str, timeout: float | None = 10.0) -> None:
        assert await self._value(self.stream.start_tls(context, name, timeout)) is self.stream

    async def still_fit(self) -> bool:
        return bool(await self._value(self.stream.still_fit()))

    async def close(self) -> None:
        await self._value(self.stream.close() if self.sync else self.stream.aclose())

    def attempt(self, left: float | None = None, sent: str = "nothing") -> Any:
        """Put an attempt to work that has `left` seconds."""
        deadline = None if left is None else now() + left
        self.stream.attempt = SimpleNamespace(deadline=deadline, runtime=SyncRuntime(), sent=sent, short=False)
        return self.stream.attempt


@dataclass(frozen=True)
class Kind:
    """One of the four. `core` has the exceptions."""

    core: Any
    sync: bool

    def __str__(self) -> str:
        return f"{'sock' if self.sync else 'aio'}-{self.core.__name__}"

    @property
    def backend(self) -> Any:
        module = on_httpcore if self.core is httpcore else on_httpcore2
        return module.SockBackend() if self.sync else module.AioBackend()

    async def connect(self, port: int, host: str = "127.0.0.1", timeout: float | None = 10.0, **kw: Any) -> Face:
        made = self.backend.connect_tcp(host, port, timeout, **kw)
        return Face(made if self.sync else await made, self.sync)

    async def connect_unix(self, path: str, timeout: float | None = 10.0, **kw: Any) -> Face:
        made = self.backend.connect_unix_socket(path, timeout, **kw)
        return Face(made if self.sync else await made, self.sync)

    def run(self, scenario: Callable[[], Awaitable[Any]]) -> Any:
        return complete(scenario()) if self.sync else asyncio.run(scenario())  # type: ignore[arg-type]


KINDS = [Kind(core, sync) for core in (httpcore, httpcore2) for sync in (False, True)]
each_kind = pytest.mark.parametrize("kind", KINDS, ids=str)
each_aio = pytest.mark.parametrize("kind", [k for k in KINDS if not k.sync], ids=str)
each_sock = pytest.mark.parametrize("kind", [k for k in KINDS if k.sync], ids=str)


async def turns(n: int = 20) -> None:
    """Give the loop some turns."""
    for _ in range(n):
        await asyncio.sleep(0)


async def until(true: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait for something that the loop brings about."""
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.005)
