"""When a call must end, and whether its deadline is what ended it."""

from __future__ import annotations

from meshlib.classify import ran_out
from meshlib.events import Event, RetryStopped


def earliest(given: float | None, now: float, timeout: float | None) -> float | None:
    """The sooner of a deadline that came from above and the configured timeout; None: the call may take for ever."""
    if timeout is None:
        return given
    return now + timeout if given is None else min(given, now + timeout)


def ended(deadline: float, now: float, last: Event | None) -> bool:
    """Whether a timeout is the deadline's doing: it has passed, or it left no time for another attempt."""
    return ran_out(deadline, now) or (isinstance(last, RetryStopped) and last.reason == "deadline")
