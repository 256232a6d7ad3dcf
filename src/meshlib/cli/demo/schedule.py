"""The demo's story as data: who misbehaves when and how, and when which call is due.

Pure, so that real processes, a test in virtual time and the picture are all told the same story. The troubles do not
overlap: what is seen between the start of one and the start of the next is that one's doing.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from meshlib.testing.server.mode import Mode

FIRST_REPLICAS = 5  # announced from the beginning; one more joins
REPLICAS = FIRST_REPLICAS + 1
FULL_LENGTH = 45.0  # seconds for which the times below are written; other lengths stretch or shrink them
GET_SHARE = 0.7
HEALTHY = Mode.ok(delay=0.020, spread=0.3)  # log-normal service time: median 20 ms, 99th percentile 40 ms


@dataclass(frozen=True, slots=True)
class Trouble:
    """What one replica does from `start` to `end` (seconds), and how it is announced."""

    name: str
    replica: int
    mode: Mode
    start: float
    end: float
    words: str
    over: str = ""


_TROUBLES = (
    Trouble(
        "slow",
        0,
        HEALTHY.replace(delay=0.4),
        5,
        11,
        "replica 1 turns slow: 400 ms an answer",
        "replica 1 is fast again",
    ),
    Trouble("500s", 1, Mode.fail(500), 12, 18, "replica 2 answers 500, and does so fast", "replica 2 works again"),
    Trouble("killed", 2, Mode.refuse(), 19, 25, "replica 3 is killed", "replica 3 is started again"),
    Trouble(
        "hanging", 3, Mode.hang(), 27, 34, "replica 4 hangs: it accepts and never answers", "replica 4 works again"
    ),
    Trouble("joining", 5, HEALTHY, 36, FULL_LENGTH, "replica 6 joins: DNS answers six addresses now"),
)


@dataclass(frozen=True, slots=True)
class Arrival:
    """One call: `due` seconds after the start, whether or not earlier ones were answered."""

    due: float
    method: str
    id: str


@dataclass(frozen=True, slots=True)
class Change:
    """From `at` (seconds) on, `replica` is in `mode`."""

    at: float
    replica: int
    mode: Mode
    words: str


@dataclass(frozen=True, slots=True)
class Schedule:
    """A whole run. seconds: its length. rate: calls per second and column. seed: of the arrivals."""

    seconds: float = FULL_LENGTH
    rate: float = 60.0
    seed: int = 1

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """In the order of their start, at this run's times."""
        scale = self.seconds / FULL_LENGTH
        return tuple(
            Trouble(t.name, t.replica, t.mode, t.start * scale, t.end * scale, t.words, t.over) for t in _TROUBLES
        )

    @property
    def calm(self) -> float:
        """Seconds before the first trouble: the time in which everything is well."""
        return self.troubles[0].start

    def mode(self, replica: int, at: float) -> Mode:
        """How this replica (counted from 0) treats a request at this time."""
        for trouble in self.troubles:
            if trouble.replica == replica and trouble.start <= at < trouble.end:
                return trouble.mode
        return HEALTHY if replica in self.announced(at) else Mode.refuse()

    def announced(self, at: float) -> list[int]:
        """The replicas whose addresses DNS answers. A dead one stays: DNS does not know."""
        joined = [t.replica for t in self.troubles if t.replica >= FIRST_REPLICAS and t.start <= at]
        return [*range(FIRST_REPLICAS), *joined]

    def changes(self) -> list[Change]:
        """What has to be done when, in order."""
        begun = [Change(t.start, t.replica, t.mode, t.words) for t in self.troubles]
        over = [Change(t.end, t.replica, HEALTHY, t.over) for t in self.troubles if t.end < self.seconds]
        return sorted(begun + over, key=lambda change: change.at)

    def news(self, at: float) -> str:
        """What was last announced in words."""
        told = [change.words for change in self.changes() if change.at <= at]
        return told[-1] if told else "five healthy replicas"

    def arrivals(self) -> list[Arrival]:
        """A Poisson process: open loop, so that a slow answer never delays the next question."""
        rng = random.Random(self.seed)
        found: list[Arrival] = []
        at = rng.expovariate(self.rate)
        while at < self.seconds:
            method = "GET" if rng.random() < GET_SHARE else "POST"
            found.append(Arrival(at, method, f"{method}-{len(found)}"))
            at += rng.expovariate(self.rate)
        return found
