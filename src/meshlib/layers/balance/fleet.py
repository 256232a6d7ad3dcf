"""The endpoints of a service as its balancer sees them: made once for each snapshot, so that a pick copies nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshlib.endpoint import EndpointSet
from meshlib.layers.balance.config import SUBSET_ABOVE
from meshlib.layers.balance.least_request import LeastRequest
from meshlib.layers.balance.p2c_ewma import P2cEwma
from meshlib.layers.balance.policy import penalty, subset, thinned
from meshlib.layers.balance.resting import Resting
from meshlib.layers.balance.round_robin import RoundRobin
from meshlib.layers.balance.uniform import Uniform
from meshlib.runtime.fork import new_rlock, register
from meshlib.stats.ewma import PeakEwma
from meshlib.stats.frugal import FrugalMedian
from meshlib.stats.median import lower_median

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from meshlib.classify import Verdict
    from meshlib.endpoint import Endpoint, Endpoints
    from meshlib.layers.balance.config import Balance
    from meshlib.layers.balance.picker import Picker

TYPICAL_FOR = 1.0
"""Seconds for which the fleet's median is good; a first sample of an endpoint makes it anew at once."""


class Fleet:
    """Endpoints in use, the picker over them, and what is typical of them. Shared by all chains of a service."""

    def __init__(self, settings: Balance, endpoints: Endpoints) -> None:
        self.settings = settings
        self.members: tuple[Endpoint, ...] = ()
        self.usual = FrugalMedian()  # seconds that a good answer takes, whichever endpoint gives it
        self.resting = Resting()
        self._endpoints = endpoints
        self.seen: EndpointSet | None = None
        self._picker: Picker
        self._ramping_until = 0.0
        self._seed: int | None = None
        self._typical = 0.0
        self._typical_until = 0.0
        self._rebuilding = new_rlock()
        register(self)

    def after_fork(self) -> None:
        """A forked child draws a subset, and a place in the round, of its own: siblings would all have the same."""
        self.resting.after_fork()
        self.seen = self._seed = None

    def see(self, published: EndpointSet, rng: Random) -> tuple[Endpoint, ...]:
        """The endpoints in use of the newest snapshot: `members`, as long as that is the one in `seen`."""
        with self._rebuilding:
            if published is not self.seen:
                self._rebuild(published, rng)
        return self.members

    def pick(self, endpoints: Sequence[Endpoint], now: float, rng: Random) -> Endpoint:
        """One of `endpoints`, which are members, by the policy."""
        if now < self._ramping_until:
            endpoints = thinned(endpoints, now, self.settings.slow_start, rng)
        return self._picker.pick(endpoints, now, rng)

    def fit(self, candidates: Sequence[Endpoint], now: float) -> Sequence[Endpoint]:
        """`candidates` without those that rest after a failure; policies that ignore latency ignore failures too."""
        if not self.resting.anybody or self.settings.policy != "p2c_ewma":
            return candidates
        return self.resting.available(candidates, self.members, now)

    def answered(self, endpoint: Endpoint, now: float, seconds: float, *, trial: bool) -> None:
        """A good answer came after `seconds`. After a trial or second chance, what was measured before is forgotten."""
        load = endpoint.load
        if load is not None:
            if (trial or self.resting.anybody) and self.resting.came_back(endpoint, trial=trial):
                load.restart(now, self.typical(now))
            if load.observe(now, seconds):
                self._typical_until = 0.0
        self.usual.add(seconds)

    def failed(self, endpoint: Endpoint, now: float, seconds: float, verdict: Verdict) -> None:
        """An attempt failed after `seconds`, or was told to stay away."""
        counts = penalty(seconds, verdict.repel)
        self.sample(endpoint, now, counts)
        if endpoint in self.members:
            self.resting.failed(endpoint, now, counts, timed_out=verdict.kind == "timeout")

    def sample(self, endpoint: Endpoint, now: float, seconds: float) -> None:
        """An attempt at `endpoint` took, or counts as, `seconds`."""
        load = endpoint.load
        if load is not None and load.observe(now, seconds):
            self._typical_until = 0.0

    def typical(self, now: float) -> float:
        """The median of the members' latencies in seconds, 0 while there are none."""
        if now >= self._typical_until:
            known = [e.load.value(now) for e in self.members if e.load is not None and e.load.estimate >= 0.0]
            self._typical = lower_median(known) or 0.0
            self._typical_until = now + TYPICAL_FOR
        return self._typical

    def _rebuild(self, published: EndpointSet, rng: Random) -> None:
        members = self._subset(published.endpoints, rng)
        for endpoint in members:
            if endpoint.load is None:
                endpoint.load = PeakEwma(self.settings.decay)
        added = [e.added_at for e in members if e.added_at is not None]
        self._ramping_until = max(added, default=-self.settings.slow_start) + self.settings.slow_start
        whole = members is published.endpoints
        self._endpoints.used = published if whole else EndpointSet(members, published.version, published.at)
        self._picker = self._new_picker(members)
        self.resting.keep(members)
        self.members, self.seen, self._typical_until = members, published, 0.0

    def _subset(self, endpoints: tuple[Endpoint, ...], rng: Random) -> tuple[Endpoint, ...]:
        size = self.settings.subset
        if size is False or len(endpoints) <= max(SUBSET_ABOVE, size):
            return endpoints
        if self._seed is None:
            self._seed = rng.getrandbits(64)
        return subset(endpoints, size, self._seed)

    def _new_picker(self, members: tuple[Endpoint, ...]) -> Picker:
        match self.settings.policy:
            case "round_robin":
                return RoundRobin(members)
            case "random":
                return Uniform()
            case "least_request":
                return LeastRequest()
            case "p2c_ewma":
                return P2cEwma(self.typical)
