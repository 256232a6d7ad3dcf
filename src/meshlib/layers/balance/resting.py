"""Endpoints that failed, and when each of them gets a second chance.

A failed attempt counts as seconds of latency, so that hardly anybody asks the endpoint again for about a minute. Most
failures are over long before. So when the time that a failure counts for has passed, one attempt that can be repeated
elsewhere goes there: a good answer brings the endpoint back, another failure doubles its rest. (An open breaker has
its own trials; this is for the failures that are too few to open one.)
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from meshlib.layers.balance.policy import PENALTY_MAX
from meshlib.runtime.fork import new_rlock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from meshlib.endpoint import Endpoint


@dataclass(slots=True)
class _Rest:
    until: float  # infinite while its second chance is out
    failures: int  # chances that failed
    timed_out: bool


class Resting:
    """`anybody` says whether some endpoint rests, `next` when the first rest ends (infinite while nobody waits for it).

    Both are read without the lock on every pick.
    """

    def __init__(self) -> None:
        self.anybody = False
        self.next = inf
        self._rests: dict[Endpoint, _Rest] = {}
        self._lock = new_rlock()  # reentrant: a finalizer may report a failure

    def available(self, candidates: Sequence[Endpoint], members: Sequence[Endpoint], now: float) -> Sequence[Endpoint]:
        """Availability first: `candidates` without those that rest, as long as at most half of `members` do (or one).

        Two draws would else meet two resting ones now and then, and the cheaper of two bad endpoints is a bad one.
        """
        get = self._rests.get  # without the lock: an entry may go at any moment
        resting = [e for e in members if (rest := get(e)) is not None and rest.until > now]
        if len(resting) > max(1, len(members) // 2):
            return candidates
        return [e for e in candidates if e not in resting] or candidates

    def failed(self, endpoint: Endpoint, now: float, seconds: float, *, timed_out: bool) -> None:
        """An attempt failed that counts for so many seconds. Several that fail together are one rest."""
        with self._lock:
            rest = self._rests.setdefault(endpoint, _Rest(0.0, -1, timed_out))
            if rest.until in (0.0, inf):
                rest.failures += 1
                seconds = min(seconds * 2.0 ** min(rest.failures, 60), PENALTY_MAX)
                rest.until = now + seconds
            else:
                rest.until = max(rest.until, now + seconds)
            rest.timed_out = timed_out
            self._wake()

    def chance(self, now: float, usable: Callable[[Endpoint], bool], *, bounded: bool) -> Endpoint | None:
        """One that has rested and is `usable`; it is asked once. After a timeout only by an attempt that is bounded.

        `usable` is called without the lock: a breaker's listeners may run in it.
        """
        for endpoint, rest in self._rests.copy().items():
            if (bounded or not rest.timed_out) and self._claim(rest, now):
                if usable(endpoint):
                    return endpoint
                self.give_back(endpoint, now)
        return None

    def give_back(self, endpoint: Endpoint, until: float) -> None:
        """Nothing was learnt by the chance of `endpoint`: it has another one after `until`."""
        with self._lock:
            rest = self._rests.get(endpoint)
            if rest is not None and rest.until == inf:
                rest.until = until
                self._wake()

    def came_back(self, endpoint: Endpoint, *, trial: bool = False) -> bool:
        """A good answer has come; True if it was that of a second chance or breaker's trial: the rest is over."""
        with self._lock:
            rest = self._rests.get(endpoint)
            back = trial or (rest is not None and rest.until == inf)
            if back:
                self._rests.pop(endpoint, None)
                self._wake()
            return back

    def keep(self, members: Iterable[Endpoint]) -> None:
        """Forget those that are no members any more."""
        with self._lock:
            self._rests = {e: rest for e in members if (rest := self._rests.get(e)) is not None}
            self._wake()

    def after_fork(self) -> None:
        """A second chance that is out belongs to the parent: in a forked child the next attempt may be one."""
        for rest in self._rests.values():
            if rest.until == inf:
                rest.until = -inf
        self._wake()

    def _claim(self, rest: _Rest, now: float) -> bool:
        with self._lock:
            if rest.until > now:
                return False
            rest.until = inf
            self._wake()
            return True

    def _wake(self) -> None:
        self.anybody = bool(self._rests)
        # over a copy: a finalizer, for which the lock is reentrant, may come in between and change it
        self.next = min((rest.until for rest in self._rests.copy().values()), default=inf)
