"""The retry of hosts that nobody configured: only what httpx's user would never see as a retry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshlib.events import RetryScheduled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meshlib.call import Attempt, Call
    from meshlib.layer import Handler, Response


class SafeRetryLayer:
    """One further attempt, at once, when a kept-alive connection proved dead before anything was sent on it.

    Everything else is as in httpx; a failed dial too is raised.
    """

    name = "retry"

    async def handle(self, inner: Handler, call: Call) -> Response:
        call.keep_body(None)
        attempt = call.new_attempt()
        try:
            return await inner(attempt)
        except call.library.broken:
            if attempt.sent != "nothing" or not attempt.reused:
                raise
        return await self._again(inner, call, attempt)

    async def _again(self, inner: Handler, call: Call, first: Attempt) -> Response:
        call.emit(RetryScheduled(call.runtime.now(), first.number, 0.0, "connection"))
        return await inner(call.new_attempt())

    def describe(self) -> Mapping[str, object]:
        return {"only": "a kept-alive connection that proved dead before anything was sent"}
