"""`max_response_bytes`: a response that is longer, decoded, is not read to its end.

It stands round the body of a response of httpx, whatever wire that came from, below what decodes it. The limit is kept
as each chunk comes, so a service that goes on for ever costs no more than the limit, and one that fits costs decoding
it twice. Nobody is charged for it: another endpoint would answer the same.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import anyio

from meshlib.errors import ResponseTooLarge
from meshlib.events import BodyBroken
from meshlib.wire.codings import MAX_CODINGS, Meter, OverLimitError, codings_of
from meshlib.wire.pieces import UnmeasurableError

if TYPE_CHECKING:
    from meshlib.call import Attempt
    from meshlib.errors import MeshError

WITHOUT_BODY = (204, 304)
MAX_PULLS = 1000
"""Chunks that may still come of a body after it was closed: those that had been received."""


def bound(attempt: Attempt, response: Any) -> None:
    """Keep the body of `response` within the limit of its service, if that has one.

    To be called once, before anything of the body is read. Closes it and raises ResponseTooLarge, where its length is
    known to be above the limit.
    """
    refused = _bounded(attempt, response)
    if refused is not None:
        response.close()
        raise refused


async def abound(attempt: Attempt, response: Any) -> None:
    """`bound` for an async response."""
    refused = _bounded(attempt, response)
    if refused is not None:
        with anyio.CancelScope(shield=True):
            await response.aclose()
        raise refused


def _bounded(attempt: Attempt, response: Any) -> MeshError | None:
    """Put the limit round the body; or the error, where it is already known to be needed."""
    limit = attempt.call.max_response_bytes
    if limit is None:
        return None
    if response.is_closed:  # one without a wire, in a test
        return _refused(attempt, "it has more") if len(response.content) > limit else None
    hx = attempt.call.library.hx
    codings = codings_of(response.headers, hx)
    if len(codings) > MAX_CODINGS:
        return _refused(attempt, f"it has {len(codings)} content codings, each of which may be a thousandfold")
    try:
        meter = Meter(codings, limit, hx)
    except UnmeasurableError as exc:
        return _refused(attempt, f"its length cannot be known: {exc}")
    announced = _announced(attempt.request.method, response)
    if announced > meter.most:
        return _refused(attempt, f"its Content-Length is {announced}")
    kinds = _kinds(hx)
    response.stream = kinds[isinstance(response.stream, hx.AsyncByteStream)](response.stream, meter, attempt)
    return None


def _announced(method: str, response: Any) -> int:
    """The length of the body that will come, as far as its head tells."""
    headers = response.headers
    if method == "HEAD" or response.status_code in WITHOUT_BODY or "transfer-encoding" in headers:
        return 0
    text: str = headers.get("content-length", "")
    return int(text[:30]) if text.isascii() and text.isdigit() else 0


def _refused(attempt: Attempt, why: str) -> MeshError:
    call = attempt.call
    limit = f"max_response_bytes = {call.max_response_bytes} (section wire)"
    return call.error(ResponseTooLarge, f"{call.service}: the response is above {limit}: {why}", "wire")


class Bounded:
    """A body that is counted as it comes. `elapsed` is what httpx2 asks a response's stream for."""

    def __init__(self, source: Any, meter: Meter, attempt: Attempt) -> None:
        self._source = source
        self._meter = meter
        self._attempt = attempt

    @property
    def elapsed(self) -> Any:
        return getattr(self._source, "elapsed", None)

    def _over(self, chunk: bytes) -> MeshError | None:
        try:
            self._meter.add(chunk)
        except OverLimitError:
            call = self._attempt.call
            if call.flow.stream:  # else the attempt tells
                call.emit(BodyBroken(self._attempt.runtime.now(), self._attempt.number, ResponseTooLarge.__name__))
            return _refused(self._attempt, "more has come, or would when decoded")
        return None


class SyncBounded(Bounded):
    """Mixed with the module's SyncByteStream."""

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._source:
            refused = self._over(chunk)
            if refused is not None:
                self._source.close()
                raise refused
            yield chunk

    def close(self) -> None:
        self._source.close()


class AsyncBounded(Bounded):
    """Mixed with the module's AsyncByteStream."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = aiter(self._source)
        async for chunk in chunks:
            refused = self._over(chunk)
            if refused is not None:
                await self._end(chunks)
                raise refused
            yield chunk

    async def aclose(self) -> None:
        await self._source.aclose()

    async def _end(self, chunks: Any) -> None:
        """Close the body and let the generators under it run out, which trio warns of when the collector finds them."""
        with anyio.CancelScope(shield=True):
            await self._source.aclose()
        with anyio.move_on_after(0), suppress(Exception):
            for _ in range(MAX_PULLS):
                await anext(chunks)


@cache
def _kinds(hx: Any) -> tuple[type[Bounded], type[Bounded]]:
    body = {"__module__": __name__}
    kinds = (
        type("SyncBounded", (SyncBounded, hx.SyncByteStream), body),
        type("AsyncBounded", (AsyncBounded, hx.AsyncByteStream), body),
    )
    return cast("tuple[type[Bounded], type[Bounded]]", kinds)
