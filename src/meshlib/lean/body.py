"""The streams of responses that came the lean way: one layer where httpx has two, with the same behaviour.

httpx's own stream holds the response that holds it; only the garbage collector frees such a pair, and with it the
connection of a response that was dropped. These hold it weakly.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any
from weakref import ref

if TYPE_CHECKING:
    from meshlib.call import Attempt


class Open:
    """A body that is still to be read. When it is closed the response learns how long it all took.

    `elapsed` is where httpx2 looks for that; `in_httpx_words` is the context manager that translates httpcore's errors.
    """

    def __init__(self, source: Any, response: Any, attempt: Attempt, in_httpx_words: Any) -> None:
        self.elapsed: timedelta | None = None
        self._source = source
        self._response = ref(response)
        self._attempt = attempt
        self._in_httpx_words = in_httpx_words

    def _ended(self) -> None:
        self.elapsed = elapsed(self._attempt)
        response = self._response()
        if response is not None:
            response.elapsed = self.elapsed


class SyncOpen(Open):
    """Mixed with the module's SyncByteStream."""

    def __iter__(self) -> Iterator[bytes]:
        with self._in_httpx_words():
            yield from self._source

    def close(self) -> None:
        self._ended()
        if hasattr(self._source, "close"):
            self._source.close()


class AsyncOpen(Open):
    """Mixed with the module's AsyncByteStream."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        return Chunks(aiter(self._source), self._in_httpx_words)

    async def aclose(self) -> None:
        self._ended()
        if hasattr(self._source, "aclose"):
            await self._source.aclose()


class Chunks:
    """Iterates over a body. An object and no async generator: one left in the middle has nothing to clean up."""

    __slots__ = ("_chunks", "_in_httpx_words")

    def __init__(self, chunks: AsyncIterator[bytes], in_httpx_words: Any) -> None:
        self._chunks = chunks
        self._in_httpx_words = in_httpx_words

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        with self._in_httpx_words():
            return await anext(self._chunks)


class Arrived:
    """A body that is all there; an empty one has no chunk, as httpx's decoders tell nothing from an empty one."""

    __slots__ = ("_left",)

    def __init__(self, body: bytes) -> None:
        self._left = [body] if body else []

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._left)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self._left:
            raise StopAsyncIteration
        return self._left.pop()


class SyncRead:
    """The stream of a response that has been read: nothing is left of it."""

    def __iter__(self) -> Iterator[bytes]:
        return iter(())

    def close(self) -> None:
        """Closed already."""


class AsyncRead:
    """The same for an async client."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        return Arrived(b"")

    async def aclose(self) -> None:
        """Closed already."""


def elapsed(attempt: Attempt) -> timedelta:
    """From the attempt's start to now."""
    assert attempt.started is not None
    return timedelta(seconds=attempt.runtime.now() - attempt.started)


@cache
def bodies(hx: Any, *, sync: bool) -> tuple[Any, Any]:
    """The class of open streams, and the one stream of all responses that have been read."""
    base = hx.SyncByteStream if sync else hx.AsyncByteStream
    body = {"__module__": __name__}
    opened = type("Open", (SyncOpen if sync else AsyncOpen, base), body)
    read = type("Read", (SyncRead if sync else AsyncRead, base), body)
    return opened, read()
