"""When an endpoint is left out, for how long, and how it comes back: the state machine of one breaker.

The states are Nygard's (Release It!); the thresholds and the growing open time are Finagle's failure accrual. Half-open
is where breakers die: they admit everybody, or lose the trial to a cancellation and stay shut for ever. So a trial is a
lease that ends by itself, and an outcome counts only for the generation in which its attempt began.

Nothing here waits, knows the time or rolls dice; a short lock guards the arithmetic. The lock is reentrant because a
finalizer may release an attempt while the same thread is inside.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from meshlib.runtime.fork import new_rlock, register
from meshlib.stats.window import Window

if TYPE_CHECKING:
    from random import Random


class State(Enum):
    """`OPEN`: left out. `HALF_OPEN`: left out, but for one trial at a time."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Input(Enum):
    """What can happen to a breaker."""

    TRIPPED = "too many failures"
    TRIAL_BEGAN = "a trial was leased"
    TRIAL_SUCCEEDED = "enough trials succeeded"
    TRIAL_FAILED = "a trial failed"
    FORCED_OPEN = "opened by hand"
    FORCED_HALF_OPEN = "half-opened by hand"
    FORCED_CLOSED = "closed by hand"


TRANSITIONS: dict[State, dict[Input, State]] = {
    State.CLOSED: {
        Input.TRIPPED: State.OPEN,
        Input.FORCED_OPEN: State.OPEN,
        Input.FORCED_HALF_OPEN: State.HALF_OPEN,
    },
    State.OPEN: {
        Input.TRIAL_BEGAN: State.HALF_OPEN,
        Input.FORCED_HALF_OPEN: State.HALF_OPEN,
        Input.FORCED_CLOSED: State.CLOSED,
    },
    State.HALF_OPEN: {
        Input.TRIAL_SUCCEEDED: State.CLOSED,
        Input.TRIAL_FAILED: State.OPEN,
        Input.FORCED_OPEN: State.OPEN,
        Input.FORCED_CLOSED: State.CLOSED,
    },
}
"""What is not listed changes nothing: a second failure that comes too late finds no way to open it again."""

LEASE = 5.0
"""Seconds for which a trial is waited for at least; longer if the attempt's own deadline is later."""
JITTER = 0.25
"""An open time is drawn from this share below to this share above: of many processes that opened together, few try at
the same moment."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The thresholds. Times are seconds; `trials` is how many trials in a row must succeed."""

    consecutive_failures: int
    failure_ratio: float
    min_calls: int
    window: float
    open_min: float
    open_max: float
    trials: int = 1


class Pass:
    """The right to send one attempt, of one generation. The same object serves all attempts that are no trial."""

    __slots__ = ("expires", "generation", "trial")

    def __init__(self, generation: int, *, trial: bool = False, expires: float = 0.0) -> None:
        self.generation = generation
        self.trial = trial
        self.expires = expires


def left_out(open_endpoints: int, endpoints: int) -> int:
    """How many of the open endpoints are left out: at most half of all, at least one, and the only one of a service."""
    return min(open_endpoints, max(1, endpoints // 2))


def open_time(rules: Rules, reopened: int, rng: Random) -> float:
    """Seconds to stay open after `reopened` trials have failed: doubled each time, jittered, never above `open_max`."""
    base = min(rules.open_min * 2.0 ** min(reopened, 60), rules.open_max / (1 + JITTER))
    return base * (1 - JITTER + 2 * JITTER * rng.random())


class Machine:
    """The state of one breaker. Where a method returns a bool, it says whether the state changed."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.state = State.CLOSED
        self.opened_for = 0.0
        self.until: float | None = 0.0  # None: opened by hand, which knows no clock; counted from first sight
        self.free = Pass(0)  # what every attempt gets that is no trial
        self._lease: Pass | None = None
        self._consecutive = 0
        self._successes = 0
        self._reopened = 0
        self._window = Window(rules.window)
        self._lock = new_rlock()
        register(self)

    def after_fork(self) -> None:
        """A trial that was leased in the parent ends in the parent; a forked child makes its own."""
        self._lease = None

    def due(self, now: float) -> bool:
        """Whether a trial may be leased now."""
        if self.state is State.CLOSED:
            return False
        lease = self._lease
        if lease is not None:
            return now >= lease.expires
        return self.until is not None and now >= self.until

    def lease(self, now: float, deadline: float | None) -> Pass | None:
        """The one trial, if it is due; an expired lease is replaced, and its outcome will not count any more."""
        trial = Pass(self.free.generation, trial=True, expires=max(deadline or 0.0, now + LEASE))
        with self._lock:
            if self.until is None:
                self.until, self.opened_for = now + self.rules.open_min, self.rules.open_min
            if not self.due(now):
                return None
            self._lease = trial
            self._turn(Input.TRIAL_BEGAN)
            return trial

    def succeeded(self, now: float, permit: Pass) -> bool:
        """An attempt got an answer that is no hard failure."""
        with self._lock:
            if permit.trial:
                return self._trial_succeeded(permit)
            if permit.generation == self.free.generation and self.state is State.CLOSED:
                self._consecutive = 0
                self._window.add(now, 1, 0)
            return False

    def failed(self, now: float, permit: Pass, rng: Random, *, counted: bool = False) -> bool:
        """An attempt failed hard. `counted`: it was taken for a success before, and its body broke since."""
        with self._lock:
            if permit.trial:
                return self._trial_failed(now, permit, rng)
            if permit.generation != self.free.generation or self.state is not State.CLOSED:
                return False
            self._consecutive += 1
            self._window.add(now, 0 if counted else 1, 1)
            return self._too_many() and self._open(Input.TRIPPED, now, rng)

    def lost(self, permit: Pass) -> None:
        """Nobody will know how a trial ended: the next attempt may be one. Of other attempts nothing is recorded."""
        with self._lock:
            if self._lease is permit:
                self._lease = None

    def force(self, to: Input) -> bool:
        """Somebody opened, half-opened or closed it by hand."""
        with self._lock:
            if not self._turn(to):
                return False
            self._reopened = 0
            self._begin(None if to is Input.FORCED_OPEN else 0.0)
            return True

    def _too_many(self) -> bool:
        rules, seen = self.rules, self._window
        if self._consecutive >= rules.consecutive_failures:
            return True
        return seen.calls >= rules.min_calls and seen.failures >= rules.failure_ratio * seen.calls

    def _trial_succeeded(self, permit: Pass) -> bool:
        if self._lease is not permit:
            return False
        self._lease = None
        self._successes += 1
        if self._successes < self.rules.trials or not self._turn(Input.TRIAL_SUCCEEDED):
            return False
        self._reopened = 0
        self._begin(0.0)
        return True

    def _trial_failed(self, now: float, permit: Pass, rng: Random) -> bool:
        if self._lease is not permit:
            return False
        self._reopened += 1
        return self._open(Input.TRIAL_FAILED, now, rng)

    def _open(self, why: Input, now: float, rng: Random) -> bool:
        if not self._turn(why):
            return False
        self.opened_for = open_time(self.rules, self._reopened, rng)
        self._begin(now + self.opened_for)
        return True

    def _begin(self, until: float | None) -> None:
        """A new generation: what began before it is not counted in it."""
        self.until = until
        self.free = Pass(self.free.generation + 1)
        self._lease = None
        self._consecutive = self._successes = 0
        self._window.clear()

    def _turn(self, happened: Input) -> bool:
        state = TRANSITIONS[self.state].get(happened)
        if state is None:
            return False
        self.state = state
        return True
