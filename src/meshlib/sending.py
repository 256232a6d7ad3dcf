"""One attempt on its way out: what its request carries while it is sent, and nothing of it afterwards."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import anyio

from meshlib.checks import check_added, check_headers
from meshlib.runtime.sync import Boxed
from meshlib.wire.bounded import abound, bound
from meshlib.wire.current import ATTEMPT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from meshlib.call import Attempt, Call
    from meshlib.layer import Response


def on_request(call: Call) -> bool:
    """Whether an attempt's headers are put on httpx's request; on our own wire the router adds them further down."""
    return not call.pinned or call.mocked()


class Sending:
    """An attempt's request while it is sent: it carries the attempt and the mesh's headers, and nothing of them after.

    The caller's own request object is what the first attempt sends, and redirects copy its headers and extensions:
    neither an attempt nor a mesh header may stay in it. A header of the caller's with the same name comes back.
    """

    __slots__ = ("_attempt", "_extensions", "_own")

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt

    def __enter__(self) -> Any:
        attempt, request = self._attempt, self._attempt.request
        call = attempt.call
        self._extensions = request.extensions
        self._own: dict[str, list[str]] = {}
        if call.altered:
            check_headers(call, request.headers.raw)
        if attempt.headers:
            check_added(call, attempt.headers)
            if on_request(call):
                self._put(attempt.headers)
        request.extensions = {**self._extensions, ATTEMPT: attempt}
        if attempt.deadline is not None and not call.pinned:
            request.extensions["timeout"] = self._bounded(attempt.deadline - attempt.runtime.now())
        return request

    def _put(self, headers: dict[str, str]) -> None:
        """Headers for a wire that is not ours. On ours the router adds them, below the slower objects of httpx."""
        request = self._attempt.request
        self._own = {name: request.headers.get_list(name) for name in headers}
        request.headers.update(headers)

    def __exit__(self, *exc_info: object) -> None:
        request = self._attempt.request
        request.extensions = self._extensions
        for name, values in self._own.items():
            request.headers.pop(name, None)
            if values:
                request.headers = type(request.headers)([*request.headers.raw, *((name, value) for value in values)])

    def _bounded(self, left: float) -> dict[str, float]:
        """On a wire that is not ours, httpx's four timeouts are what can be bounded."""
        own = self._extensions.get("timeout", {})
        left = max(left, 0.0)
        return {
            name: left if own.get(name) is None else min(own[name], left)
            for name in ("connect", "read", "write", "pool")
        }


async def transmit(once: Callable[[Any], Any], attempt: Attempt) -> Response:
    """Send an attempt with `once`, httpx's own method. The body of a call that does not stream is read here."""
    with Sending(attempt) as request:
        try:
            response = once(request)
            take_in(attempt, response)
        except StopIteration as stop:
            raise Boxed(stop) from None
    return over(attempt, response)


async def transmit_async(once: Callable[[Any], Awaitable[Any]], attempt: Attempt) -> Response:
    """`transmit` for asyncio and trio; on a wire that is not ours the deadline's one scope stands directly round it."""
    if attempt.deadline is None or (attempt.call.pinned and not attempt.call.mocked()):
        return await _transmit(once, attempt, None)
    left = attempt.deadline - attempt.runtime.now()
    with anyio.CancelScope(deadline=anyio.current_time() + left) as scope:
        return await _transmit(once, attempt, scope)
    raise attempt.call.library.hx.ReadTimeout("the attempt's time is up", request=attempt.request)


async def _transmit(
    once: Callable[[Any], Awaitable[Any]], attempt: Attempt, scope: anyio.CancelScope | None
) -> Response:
    with Sending(attempt) as request:
        response = await once(request)
        if scope is not None:
            _extend(scope, attempt)
        await take_in_async(attempt, response)
    return over(attempt, response)


def _extend(scope: anyio.CancelScope, attempt: Attempt) -> None:
    """The headers have come: from here on the limit is that of the body."""
    if attempt.deadline is not None and attempt.body_deadline is not None:
        scope.deadline += attempt.body_deadline - attempt.deadline
    else:
        scope.deadline = math.inf
    attempt.deadline = attempt.body_deadline


def take_in(attempt: Attempt, response: Any) -> None:
    """Keep a body within its service's limit, and read it unless the caller streams."""
    bound(attempt, response)
    if not attempt.call.flow.stream:
        read(response)


async def take_in_async(attempt: Attempt, response: Any) -> None:
    """`take_in` for asyncio and trio."""
    await abound(attempt, response)
    if not attempt.call.flow.stream:
        await aread(response)


def read(response: Any) -> None:
    """Read a response to its end; one that breaks is closed."""
    try:
        response.read()
    except BaseException:
        response.close()
        raise


async def aread(response: Any) -> None:
    """`read` for asyncio and trio."""
    try:
        await response.aread()
    except BaseException:
        with anyio.CancelScope(shield=True):
            await response.aclose()
        raise


def over(attempt: Attempt, response: Any) -> Response:
    """Where our wire did not hand out the body, nobody tells its end: the attempt is over when it returns."""
    if attempt.returned is None:
        attempt.release()
    return response  # type: ignore[no-any-return]
