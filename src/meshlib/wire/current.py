"""Which attempt the wire works for, and how its deadline bounds one operation.

httpcore's pool and connection stand between our router above and our stream below and know nothing of attempts: a
context variable carries it past them, and the stream keeps it until release, since a body is read after the headers
came, maybe in another context.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

from meshlib.runtime.clock import now
from meshlib.runtime.fork import forget

if TYPE_CHECKING:
    from meshlib.call import Attempt

ATTEMPT = "meshlib.attempt"
"""The key in `request.extensions`, from the door down to the router."""

current: ContextVar[Attempt | None] = ContextVar("meshlib.attempt", default=None)
forget(current)


def encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    """An attempt's own headers as httpcore wants them."""
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def remaining(attempt: Attempt | None) -> float | None:
    """Seconds to the attempt's deadline, 0 when it has passed; None where there is none."""
    return None if attempt is None or attempt.deadline is None else max(attempt.deadline - now(), 0.0)


def sooner(one: float | None, other: float | None) -> float | None:
    """The shorter of two timeouts, of which None is endless."""
    return other if one is None or (other is not None and other < one) else one


def clamp(attempt: Attempt | None, timeout: float | None, error: type[Exception]) -> float | None:
    """The timeout of one operation: httpx's own, never past the attempt's deadline; raises `error` when that passed."""
    if attempt is None or attempt.deadline is None:
        return timeout
    left = attempt.deadline - attempt.runtime.now()
    if left <= 0:
        attempt.short = True  # it passed while nobody waited for the endpoint, which is not to blame
        raise error("the attempt's time is up")
    return left if timeout is None or left < timeout else timeout
