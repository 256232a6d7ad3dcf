"""How much time an attempt gets, and what the server is told about it."""

from __future__ import annotations

GRPC_DIGITS = 10**8  # grpc-timeout has at most 8 digits (gRPC over HTTP/2, section Requests)


def limits(
    now: float, deadline: float | None, timeout: float | None, followers: int
) -> tuple[float | None, float | None]:
    """The points in time by which an attempt needs its headers, and its whole body.

    A configured `timeout` (seconds) holds for both. Without one the time to the call's `deadline` is shared with the
    `followers`, the attempts that may be made if this one times out; once headers have come the body may use all of it.
    """
    if timeout is not None:
        end = now + timeout if deadline is None else min(now + timeout, deadline)
        return end, end
    if deadline is None or followers <= 0:
        return deadline, deadline
    return now + (deadline - now) / (followers + 1), deadline


def expected_ms(seconds: float) -> str:
    """The value of `x-envoy-expected-rq-timeout-ms`. Never 0, which Envoy takes for "no limit"."""
    return str(int(seconds * 1000) or 1)


def grpc_timeout(seconds: float) -> str:
    """The value of `grpc-timeout`."""
    ms = int(seconds * 1000) or 1
    return f"{ms}m" if ms < GRPC_DIGITS else f"{min(ms // 1000, GRPC_DIGITS - 1)}S"
