"""The one answer to "was this a failure, and whose?": retry, breaker, balance and tracing all ask here.

Hard failures are connect, TLS, reset, a truncated answer, a timeout, and every 5xx but 501 and 505, which say what the
server cannot do and not that it is ill. A 4xx is never one; 429 asks to be left alone for its Retry-After.
Our own faults (waiting for the pool, cancellation, a stalled loop, a deadline that was short at the start, no file
descriptors or ports left) are charged to no endpoint.
"""

from __future__ import annotations

import errno
import re
from dataclasses import dataclass, replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Literal

from meshlib.errors import MeshError

if TYPE_CHECKING:
    from meshlib.call import Attempt

Kind = Literal["ok", "connection", "timeout", "status", "ours", "cancelled", "other"]

NEAR = 0.001
"""Seconds: a limit that is nearer than this has been reached, for timers end a little early."""
STALL = 0.25
"""Seconds: a timeout that is noticed so late was not the endpoint's; this process (its loop, its CPU) stood still."""
REPEL_MAX = 300.0
"""Seconds for which an endpoint can ask to be left alone."""

_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL)
_WITH_TIME = (429, 503)
_SECONDS = re.compile(r"[0-9]{1,300}(\.[0-9]{1,300})?")


class OwnFault(Exception):
    """Among the causes of an error: this process broke the connection itself, and no endpoint is to blame."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an attempt's outcome means.

    `failure`: a hard failure, or a timeout of our own making. `charge`: a hard failure for which the endpoint is to
    blame: breaker and balancer count these. `unsent`: nothing of the request left this process. `status` is None for an
    exception. `retry_after`: the seconds that a 429 or 503 asked for, None where it did not say or cannot be read.
    `repel`: the seconds for which this endpoint gets no traffic for that reason, at most 300.
    """

    kind: Kind
    failure: bool = False
    charge: bool = False
    unsent: bool = False
    status: int | None = None
    retry_after: float | None = None
    repel: float = 0.0


def _of_plain_status(status: int) -> Verdict:
    if status >= 500 and status not in (501, 505):
        return Verdict("status", failure=True, charge=True, status=status)
    return Verdict("status" if status == 429 else "ok", status=status)


_BY_STATUS = {status: _of_plain_status(status) for status in range(100, 600)}
_CANCELLED = Verdict("cancelled")
_OURS = Verdict("ours")
_OTHER = Verdict("other")


def classify(attempt: Attempt, outcome: Any, now: float) -> Verdict:
    """The meaning of `outcome`, a response or an exception, of `attempt`; `now` is when it came (monotonic seconds)."""
    if isinstance(outcome, BaseException):
        return _of_error(attempt, outcome, now)
    status: int = outcome.status_code
    verdict = _BY_STATUS.get(status) or _of_plain_status(status)
    if status in _WITH_TIME and "retry-after" in outcome.headers:
        seconds = parse_retry_after(outcome.headers["retry-after"], attempt.runtime.wall_now())
        if seconds is not None:
            return replace(verdict, retry_after=seconds, repel=min(seconds, REPEL_MAX))
    return verdict


def ran_out(deadline: float | None, now: float) -> bool:
    """Whether a limit of ours has been reached, as against one of httpx's own timeouts."""
    return deadline is not None and now >= deadline - NEAR


def _of_error(attempt: Attempt, error: BaseException, now: float) -> Verdict:
    library = attempt.call.library
    if not isinstance(error, Exception):
        return _CANCELLED
    if isinstance(error, (MeshError, library.hx.LocalProtocolError, library.hx.UnsupportedProtocol)):
        return _OURS
    unsent = attempt.sent == "nothing"
    if isinstance(error, library.timeouts):
        ours = isinstance(error, library.hx.PoolTimeout) or attempt.short or _stalled(attempt.deadline, now)
        return Verdict("timeout", failure=True, charge=not ours, unsent=unsent)
    if isinstance(error, library.broken):
        return Verdict("connection", failure=True, charge=not _own_doing(error), unsent=unsent)
    return _OTHER


def _own_doing(error: BaseException | None) -> bool:
    """Whether we broke it, or had no file descriptors, ports or memory for a dial: every endpoint would fail alike."""
    while error is not None:
        if isinstance(error, OwnFault) or (isinstance(error, OSError) and error.errno in _EXHAUSTED):
            return True
        error = error.__cause__ or error.__context__  # httpcore has it as context only
    return False


def _stalled(deadline: float | None, now: float) -> bool:
    return deadline is not None and now > deadline + STALL


def parse_retry_after(value: str, wall_now: float) -> float | None:
    """Seconds from a Retry-After header (RFC 9110 section 10.2.3): a number of them, or a date; never below 0.

    What cannot be read, and what is negative, is as good as absent (None): gRPC too takes it as no leave to retry.
    """
    value = value.strip()
    if _SECONDS.fullmatch(value):
        return float(value)
    try:
        date = parsedate_to_datetime(value)
        return max(0.0, (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - wall_now)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
