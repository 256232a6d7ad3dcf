"""What meshlib adds to the span that somebody else made for an attempt, from below, where that span is the current one.

On our own wire the router calls `attempt.decorate`. On a wire of httpcore that is not ours the same is done from its
public `trace` callback, which it calls for every step of a request.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from opentelemetry import trace

from meshlib.layers.tracing.attributes import resends, routed
from meshlib.runtime.sync import SyncRuntime

if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from meshlib.call import Attempt

TRACE = "trace"
"""httpcore's key in `request.extensions`."""


def decorate(above: Span, attempt: Attempt) -> None:
    """Put endpoint, peer and resend count on the current span, if it records and began below our layer.

    `above` is the span that was current there: the call's, or one of the application. It stays the current one where
    the instrumentation left this request out, and must not be taken for the attempt's.
    """
    span = trace.get_current_span()
    if span is not above and span.is_recording():
        span.set_attributes(routed(attempt, resends(attempt.call) - 1, {}))


def observed(attempt: Attempt) -> dict[str, Any]:
    """The request's extensions with a `trace` callback that decorates at the first step and passes on to the user's."""
    extensions = attempt.request.extensions
    users = extensions.get(TRACE)
    callback = _sync(attempt, users) if isinstance(attempt.runtime, SyncRuntime) else _async(attempt, users)
    return {**extensions, TRACE: callback}


def _sync(attempt: Attempt, users: Callable[[str, Any], None] | None) -> Callable[[str, Any], None]:
    step = _FirstStep(attempt)

    def callback(event: str, info: Any) -> None:
        step()
        if users is not None:
            users(event, info)

    return callback


def _async(attempt: Attempt, users: Callable[[str, Any], Awaitable[None]] | None) -> Callable[[str, Any], Any]:
    step = _FirstStep(attempt)

    async def callback(event: str, info: Any) -> None:
        step()
        if users is not None:
            await users(event, info)

    return callback


class _FirstStep:
    """Decorates once."""

    __slots__ = ("_attempt",)

    def __init__(self, attempt: Attempt) -> None:
        self._attempt: Attempt | None = attempt

    def __call__(self) -> None:
        attempt, self._attempt = self._attempt, None
        if attempt is not None and attempt.decorate is not None:
            attempt.decorate(attempt)
