"""How long an endpoint takes: a moving average that jumps to a peak at once and comes down from it slowly.

Peak EWMA is Finagle's (`PeakEwma.scala`; tower's `peak_ewma.rs` is the same). One slow answer is a reason to be careful
right away, while trust returns with time only. With `t` seconds since the last sample and a mean life of `decay`:

    w = exp(-t / decay)
    estimate = seconds                              if seconds > estimate * w   (a peak)
    estimate = estimate * w + seconds * (1 - w)     otherwise

Read at any later time the estimate is `estimate * w`: it sinks while nobody asks, so that an endpoint which was slow
gets asked again.
"""

from __future__ import annotations

from math import exp

from meshlib.runtime.fork import new_rlock

UNKNOWN = -1.0
"""The estimate of an endpoint that has no sample yet."""


class PeakEwma:
    """Seconds that an attempt takes at one endpoint. `decay` is the mean life of a sample in seconds.

    `estimate` and `stamp` may be read without the lock. It is reentrant because a finalizer, which runs anywhere, may
    add a sample; in the worst case one of the two samples is lost.
    """

    __slots__ = ("_lock", "decay", "estimate", "stamp")

    def __init__(self, decay: float) -> None:
        self.decay = decay
        self.estimate = UNKNOWN
        self.stamp = 0.0
        self._lock = new_rlock()

    def observe(self, now: float, seconds: float) -> bool:
        """Take a sample; True if it was the first one."""
        with self._lock:
            before, weight = self.estimate, 1.0
            if now > self.stamp:
                weight = exp((self.stamp - now) / self.decay)
                self.stamp = now
            sunk = before * weight
            self.estimate = seconds if seconds > sunk else sunk + seconds * (1.0 - weight)
            return before < 0.0

    def value(self, now: float) -> float:
        """The estimate as it has sunk by now, or UNKNOWN."""
        if self.estimate < 0.0:
            return UNKNOWN
        return self.estimate * exp((self.stamp - now) / self.decay)

    def restart(self, now: float, seconds: float) -> None:
        """Forget what was measured and begin with `seconds`."""
        with self._lock:
            self.estimate, self.stamp = seconds, now
