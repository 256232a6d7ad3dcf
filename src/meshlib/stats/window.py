"""Calls and failures of the last seconds, in ten buckets: constant memory and time, at most a tenth of it too old.

(Polly's breaker counts in the same way; an exact log would grow with the rate of calls.)
"""

from __future__ import annotations

BUCKETS = 10


class Window:
    """Two rolling counts over `seconds`. Not locked: whoever holds it locks."""

    __slots__ = ("_calls", "_failures", "_newest", "_width", "calls", "failures")

    def __init__(self, seconds: float) -> None:
        self._width = seconds / BUCKETS
        self._newest = 0
        self._calls = [0] * BUCKETS
        self._failures = [0] * BUCKETS
        self.calls = 0
        self.failures = 0

    def add(self, now: float, calls: int, failures: int) -> None:
        """Count, after what is too old has been forgotten; `calls` and `failures` are up to date afterwards."""
        newest = int(now // self._width)
        for index in range(max(self._newest, newest - BUCKETS) + 1, newest + 1):
            self._forget(index % BUCKETS)
        self._newest = max(newest, self._newest)
        slot = self._newest % BUCKETS
        self._calls[slot] += calls
        self._failures[slot] += failures
        self.calls += calls
        self.failures += failures

    def clear(self) -> None:
        """Forget everything."""
        for slot in range(BUCKETS):
            self._forget(slot)

    def _forget(self, slot: int) -> None:
        self.calls -= self._calls[slot]
        self.failures -= self._failures[slot]
        self._calls[slot] = self._failures[slot] = 0
