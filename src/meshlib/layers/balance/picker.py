"""The protocol of pickers, and the draw of two that most of them begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from meshlib.endpoint import Endpoint


class Picker(Protocol):
    """Chooses one of several endpoints, without waiting, in well under a microsecond. Used by many threads at once."""

    def pick(self, endpoints: Sequence[Endpoint], now: float, rng: Random) -> Endpoint:
        """One of `endpoints`, of which there is at least one: all of the service, or what is left of it."""


def draw_two(endpoints: Sequence[Endpoint], rng: Random) -> tuple[Endpoint, Endpoint]:
    """Two different endpoints, every ordered pair equally likely. Needs two. (`rng.sample` takes ten times as long.)"""
    count, random = len(endpoints), rng.random
    first, second = int(random() * count), int(random() * (count - 1))
    return endpoints[first], endpoints[second if second < first else second + 1]
