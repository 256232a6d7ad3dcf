"""Gives each attempt its share of time, and tells the server about it.

The limits are only set here; the wire enforces `attempt.deadline`, and takes `body_deadline` when headers have come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshlib.classify import ran_out
from meshlib.errors import DeadlineExceeded
from meshlib.layers.attempt.policy import expected_ms, grpc_timeout, limits

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from meshlib.call import Attempt, Call
    from meshlib.layer import Context, Handler, Response


class AttemptLayer:
    """`timeout`: seconds for one attempt with its body, None for a share of the deadline.

    `share`: whether an attempt that may be followed by others leaves them time. `propagate`: the server is told.
    """

    name = "attempt"

    def __init__(self, timeout: float | None, share: bool, propagate: bool) -> None:
        self._timeout = timeout
        self._share = share
        self._propagate = propagate

    @classmethod
    def build(cls, context: Context) -> Self | None:
        settings = context.settings
        attempt, deadline = settings.attempt, settings.deadline
        propagate = deadline is not None and deadline.propagate and context.service is not None
        if attempt is None and not propagate:
            return None
        return cls(attempt.timeout if attempt is not None else None, attempt is not None, propagate)

    async def handle(self, inner: Handler, attempt: Attempt) -> Response:
        call = attempt.call
        if call.deadline is None and self._timeout is None:
            return await inner(attempt)
        seconds = self._limit(attempt, call)
        if self._propagate and seconds is not None:
            self._tell(attempt, call, seconds)
        response = await inner(attempt)
        attempt.deadline = attempt.body_deadline
        return response

    def _limit(self, attempt: Attempt, call: Call) -> float | None:
        """Set the attempt's limits; the seconds that are left for it and its body."""
        now, deadline = call.runtime.now(), call.deadline
        if ran_out(deadline, now):
            raise call.error(DeadlineExceeded, f"the deadline passed before attempt {attempt.number}", self.name)
        again = self._share and attempt.left > 0 and call.repeatable
        attempt.deadline, end = limits(now, deadline, self._timeout, attempt.left if again else 0)
        attempt.body_deadline = end
        return None if end is None else end - now

    def _tell(self, attempt: Attempt, call: Call, seconds: float) -> None:
        """How long the answer is of use: a duration, so that clocks need not agree. The caller's own header stays."""
        # gRPC calls are always POSTs; asking httpx for a header costs as much as all the rest here.
        if call.request.method == "POST" and call.request.headers.get("content-type", "").startswith(
            "application/grpc"
        ):
            if not call.carries(b"grpc-timeout"):
                attempt.headers["grpc-timeout"] = grpc_timeout(seconds)
        elif not call.carries(b"x-envoy-expected-rq-timeout-ms"):
            attempt.headers["x-envoy-expected-rq-timeout-ms"] = expected_ms(seconds)

    def describe(self) -> Mapping[str, object]:
        return {"timeout": self._timeout}
