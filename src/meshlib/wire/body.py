"""The end of a response: its attempt is released exactly once, at the body's end, close, failure or loss."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Any

from meshlib.classify import ran_out
from meshlib.errors import DeadlineExceeded
from meshlib.events import BodyBroken, DeadlinePassed
from meshlib.runtime.sync import complete
from meshlib.wire.current import remaining

if TYPE_CHECKING:
    from meshlib.call import Attempt
    from meshlib.wire.kind import AsyncKind, SyncKind

OURS = frozenset({"meshlib", "httpx", "httpx2", "httpcore", "httpcore2", "contextlib", "opentelemetry", "anyio"})
"""Packages between a body and the line of the application that opened it."""


class Whole:
    """A body that is all there, for httpcore's interface. Nothing hangs on it any more."""

    __slots__ = ("_body",)

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __iter__(self) -> Any:
        if self._body:
            yield self._body

    async def __aiter__(self) -> Any:
        if self._body:
            yield self._body


class Body:
    """What is still to come of a response, sync or async. `source` gives the chunks (`Rest`, `Taken`).

    A body that outlasts the call's deadline raises DeadlineExceeded. `bounded` says whether our network stream sees to
    that; where it cannot (HTTP/2), the time is checked between chunks. `attempt` is None for a request of plain httpx.
    One that is neither read to its end nor closed gives everything back when it is collected, with a ResourceWarning
    that names where it was opened.
    """

    __slots__ = ("_attempt", "_bounded", "_core", "_kind", "_over", "_source", "_where")

    def __init__(self, source: Any, attempt: Attempt | None, kind: AsyncKind | SyncKind, *, bounded: bool) -> None:
        self._source = source
        self._attempt = attempt
        self._kind = kind
        self._core = kind.core
        self._bounded = bounded
        self._over = False
        self._where = opened_at() if attempt is not None and attempt.call.flow.stream else None

    def __iter__(self) -> Body:
        return self

    def __next__(self) -> bytes:
        chunk = complete(self._next())
        if chunk is None:
            raise StopIteration
        return chunk

    def __aiter__(self) -> Body:
        return self

    async def __anext__(self) -> bytes:
        chunk = await self._next()
        if chunk is None:
            raise StopAsyncIteration
        return chunk

    def close(self) -> None:
        complete(self._close())

    async def aclose(self) -> None:
        await self._close()

    def __del__(self) -> None:
        if self._over:
            return
        self._over = True
        self._source.lose()
        if self._attempt is not None:
            self._attempt.release()
        if self._where is not None and not sys.is_finalizing():
            message = "a streamed response was neither closed nor read to its end; it was opened here"
            warnings.warn_explicit(f"{message}: {self._where[0]}:{self._where[1]}", ResourceWarning, *self._where)

    async def _next(self) -> bytes | None:
        if self._over:
            return None
        try:
            chunk = await self._source.next() if self._bounded else await self._in_time()
        except BaseException as exc:
            shown = self._broken(exc)
            if shown is exc:
                raise
            raise shown from exc
        if chunk is None:
            self._end(None)
        return chunk

    async def _close(self) -> None:
        if self._over:
            return
        try:
            await self._source.aclose()
        finally:
            self._end(None)

    def _end(self, error: BaseException | None) -> None:
        self._over = True
        if self._attempt is not None:
            self._attempt.release(error)

    async def _in_time(self) -> bytes | None:
        """The next chunk, where no stream of ours bounds it: the wait is cancelled, or a blocking one looked at."""
        left = remaining(self._attempt)
        chunk: bytes | None = await self._kind.within(self._source.next(), left, self._core.ReadTimeout)
        if chunk is not None and left == 0.0:
            await self._source.aclose()
            raise self._core.ReadTimeout("the attempt's time is up")
        return chunk

    def _broken(self, exc: BaseException) -> BaseException:
        """Release with what broke the body, and say what the reader shall see: the deadline's end, or the error."""
        attempt = self._attempt
        if attempt is None:
            self._over = True
            return exc
        call = attempt.call
        self._end(self._in_terms_of_httpx(exc, attempt))
        now = attempt.runtime.now()
        if call.flow.stream and isinstance(exc, Exception):
            call.emit(BodyBroken(now, attempt.number, type(exc).__name__))
        if ran_out(call.deadline, now) and isinstance(exc, self._core.TimeoutException):
            if call.flow.stream:  # else the deadline layer sees it, and tells
                call.emit(DeadlinePassed(now, attempt.number))
            return call.error(DeadlineExceeded, "the call's deadline passed while its body was read", "deadline")
        return exc

    def _in_terms_of_httpx(self, exc: BaseException, attempt: Attempt) -> BaseException:
        """httpx translates what the reader gets, above us; who is told at the release judges by httpx's classes too."""
        if not type(exc).__module__.startswith(self._core.__name__):
            return exc
        same_name = getattr(attempt.call.library.hx, type(exc).__name__, None)
        if same_name is None:
            return exc
        told: BaseException = same_name(str(exc), request=attempt.request)
        told.__cause__ = exc
        return told


def opened_at() -> tuple[str, int]:
    """File and line of the application that waits for the response now."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in OURS:
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno
