"""The two kinds of clients, for code that is written once: what is a coroutine in one is a plain call in the other.

The sync client runs such code to completion without an event loop (`runtime/sync.py`), so its coroutines never suspend.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import anyio

from meshlib.runtime.aio import AioRuntime
from meshlib.runtime.sync import SyncRuntime

if TYPE_CHECKING:
    from collections.abc import Awaitable

T = TypeVar("T")


class Kind:
    """`core` is httpcore or httpcore2, `byte_stream` httpx's class for a body that is all there."""

    sync: bool
    runtime: Any

    def __init__(self, core: Any, byte_stream: Any) -> None:
        self.core = core
        self.byte_stream = byte_stream
        self.http11 = core.HTTP11Connection if self.sync else core.AsyncHTTP11Connection


class AsyncKind(Kind):
    """asyncio and trio."""

    sync = False
    runtime = AioRuntime()
    entry = "handle_async_request"

    @staticmethod
    async def handle(below: Any, request: Any) -> Any:
        """Send a request of httpcore's on one of its connections or pools."""
        return await below.handle_async_request(request)

    @staticmethod
    async def result(value: Any) -> Any:
        """What a user's function returned, awaited."""
        return await value

    @staticmethod
    async def within(step: Awaitable[T], seconds: float | None, error: type[Exception]) -> T:
        """What `step` gives, if it does so within `seconds`; else it is cancelled, and `error` raised."""
        if seconds is None:
            return await step
        with anyio.move_on_after(seconds):
            return await step
        raise error("the time for it is up")

    @staticmethod
    def iterate(stream: Any) -> Any:
        return aiter(stream)

    @staticmethod
    async def next(chunks: Any) -> bytes | None:
        """The next chunk, None at the end."""
        return await anext(chunks, None)

    @staticmethod
    async def close(stream: Any, chunks: Any) -> None:
        """Close a body, and what iterates over it, which may be an async generator left in the middle."""
        with anyio.CancelScope(shield=True):
            if hasattr(chunks, "aclose"):
                await chunks.aclose()
            if hasattr(stream, "aclose"):
                await stream.aclose()

    @staticmethod
    def io(stream: Any) -> Any:
        return AsyncIo(stream)

    @staticmethod
    async def connect(backend: Any, uds: str | None, where: dict[str, Any]) -> Any:
        if uds is not None:
            return await backend.connect_unix_socket(uds, **where)
        return await backend.connect_tcp(**where)

    @staticmethod
    async def start_tls(stream: Any, context: Any, hostname: str, timeout: float | None) -> Any:
        return await stream.start_tls(context, hostname, timeout)


class AsyncIo:
    """A network stream's operations as coroutines: they are already."""

    __slots__ = ("read", "still_fit", "stream", "write")

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.read = stream.read
        self.write = stream.write
        self.still_fit = stream.still_fit


class SyncKind(Kind):
    """Without an event loop."""

    sync = True
    runtime = SyncRuntime()
    entry = "handle_request"

    @staticmethod
    async def handle(below: Any, request: Any) -> Any:
        return below.handle_request(request)

    @staticmethod
    async def result(value: Any) -> Any:
        return value

    @staticmethod
    async def within(step: Awaitable[T], seconds: float | None, error: type[Exception]) -> T:
        """Blocking, it is the socket's timeout that ends it."""
        return await step

    @staticmethod
    def iterate(stream: Any) -> Any:
        return iter(stream)

    @staticmethod
    async def next(chunks: Any) -> bytes | None:
        return next(chunks, None)

    @staticmethod
    async def close(stream: Any, chunks: Any) -> None:
        if hasattr(chunks, "close"):
            chunks.close()
        if hasattr(stream, "close"):
            stream.close()

    @staticmethod
    def io(stream: Any) -> Any:
        return SyncIo(stream)

    @staticmethod
    async def connect(backend: Any, uds: str | None, where: dict[str, Any]) -> Any:
        if uds is not None:
            return backend.connect_unix_socket(uds, **where)
        return backend.connect_tcp(**where)

    @staticmethod
    async def start_tls(stream: Any, context: Any, hostname: str, timeout: float | None) -> Any:
        return stream.start_tls(context, hostname, timeout)


class SyncIo:
    """A blocking network stream's operations as coroutines that never suspend."""

    __slots__ = ("stream",)

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    async def read(self, max_bytes: int, timeout: float | None) -> bytes:
        data: bytes = self.stream.read(max_bytes, timeout)
        return data

    async def write(self, buffer: bytes, timeout: float | None) -> None:
        self.stream.write(buffer, timeout)

    async def still_fit(self) -> bool:
        fit: bool = self.stream.still_fit()
        return fit
