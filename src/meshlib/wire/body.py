"""The end of a response: its attempt is released exactly once, at the body's end, close, failure or loss."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

import anyio

from meshlib.classify import ran_out
from meshlib.errors import DeadlineExceeded
from meshlib.events import BodyBroken, DeadlinePassed

if TYPE_CHECKING:
    from meshlib.call import Attempt


class Released:
    """The body of a response of httpcore, sync or async.

    A body that outlasts the call's deadline raises DeadlineExceeded. `bounded` says whether our network stream sees to
    that; where it cannot (HTTP/2), the time is checked between chunks.
    """

    def __init__(self, stream: Any, attempt: Attempt, core: Any, *, bounded: bool) -> None:
        self._stream = stream
        self._attempt = attempt
        self._core = core
        self._bounded = bounded

    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in self._stream:
                if self._late():
                    raise self._core.ReadTimeout("the attempt's time is up")
                yield chunk
        except BaseException as exc:
            shown = self._broken(exc)
            if shown is exc:
                raise
            raise shown from exc

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = aiter(self._stream)
        try:
            async for chunk in chunks:
                if self._late():
                    await _end(chunks)
                    raise self._core.ReadTimeout("the attempt's time is up")
                yield chunk
        except BaseException as exc:
            shown = self._broken(exc)
            if shown is exc:
                raise
            raise shown from exc

    def close(self) -> None:
        try:
            if hasattr(self._stream, "close"):
                self._stream.close()
        finally:
            self._attempt.release()

    async def aclose(self) -> None:
        try:
            if hasattr(self._stream, "aclose"):
                await self._stream.aclose()
        finally:
            self._attempt.release()

    def __del__(self) -> None:
        self._attempt.release()

    def _late(self) -> bool:
        attempt = self._attempt
        return not self._bounded and attempt.deadline is not None and attempt.runtime.now() > attempt.deadline

    def _broken(self, exc: BaseException) -> BaseException:
        """Release with what broke the body, and say what the reader shall see: the deadline's end, or the error itself.

        GeneratorExit only means that the reader stopped in the middle: nobody's failure.
        """
        attempt, call = self._attempt, self._attempt.call
        attempt.release(None if isinstance(exc, GeneratorExit) else self._in_terms_of_httpx(exc))
        now = attempt.runtime.now()
        if call.flow.stream and isinstance(exc, Exception):
            call.emit(BodyBroken(now, attempt.number, type(exc).__name__))
        if ran_out(call.deadline, now) and isinstance(exc, self._core.TimeoutException):
            if call.flow.stream:  # else the deadline layer sees it, and tells
                call.emit(DeadlinePassed(now, attempt.number))
            return call.error(DeadlineExceeded, "the call's deadline passed while its body was read", "deadline")
        return exc

    def _in_terms_of_httpx(self, exc: BaseException) -> BaseException:
        """httpx translates what the reader gets, above us; who is told at the release judges by httpx's classes too."""
        if not type(exc).__module__.startswith(self._core.__name__):
            return exc
        same_name = getattr(self._attempt.call.library.hx, type(exc).__name__, None)
        return exc if same_name is None else same_name(str(exc), request=self._attempt.request)


async def _end(chunks: Any) -> None:
    """End what may be an async generator, where it was left in the middle, and not when the collector finds it."""
    if hasattr(chunks, "aclose"):
        with anyio.CancelScope(shield=True):
            await chunks.aclose()
