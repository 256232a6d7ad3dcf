"""A budget of tokens, credited by successes: a share of what works may be spent on what does not.

The rule is gRPC's retry throttling (proposal A6: full at the start, a fraction of a token for each success) with one
whole token for each withdrawal, and a slow refill which lets a quiet client try at all (Finagle's minRetriesPerSec).
In `t` seconds with `n` successes at most `cap + ratio * n + floor * t` tokens can be spent.
"""

from __future__ import annotations

from meshlib.runtime.fork import new_lock

_WHOLE = 1 - 1e-9  # ten credits of 0.1 make a token


class TokenBucket:
    """`cap`: most tokens kept, and the first filling; `ratio`: tokens per success; `floor`: tokens per second."""

    def __init__(self, cap: float, ratio: float, floor: float) -> None:
        self.cap, self.ratio, self.floor = cap, ratio, floor
        self._tokens = float(cap)
        self._at: float | None = None  # when the floor was last added
        self._lock = new_lock()

    def credit(self) -> None:
        """A success. Without the lock while it is full: the usual case, and one token more or less hurts nobody."""
        if self._tokens >= self.cap:
            return
        with self._lock:
            self._tokens = min(self.cap, self._tokens + self.ratio)

    def take(self, now: float) -> bool:
        """Take one token, if there is one at `now` (monotonic seconds)."""
        with self._lock:
            self._tokens = self.level(now)
            self._at = now if self._at is None else max(now, self._at)
            if self._tokens < _WHOLE:
                return False
            self._tokens = max(0.0, self._tokens - 1)
            return True

    def give_back(self) -> None:
        """Put back a token for which nothing was sent after all."""
        with self._lock:
            self._tokens = min(self.cap, self._tokens + 1)

    def affords(self, now: float) -> bool:
        """Whether there is a token at `now`; without the lock, for every attempt asks and a moment ago will do."""
        return self._tokens >= _WHOLE or self.level(now) >= _WHOLE

    def level(self, now: float) -> float:
        """How many tokens there are at `now`."""
        elapsed = 0.0 if self._at is None else max(0.0, now - self._at)
        return min(self.cap, self._tokens + self.floor * elapsed)
