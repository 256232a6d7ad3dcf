"""Policy `round_robin`: one after the other, in the order of the snapshot.

It begins at a random place, or a hundred processes that start together would all begin with the same endpoint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshlib.runtime.fork import new_lock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from meshlib.endpoint import Endpoint


class RoundRobin:
    """`everybody` is the whole round; a pick among some of them takes the next one in it that is among them."""

    def __init__(self, everybody: tuple[Endpoint, ...]) -> None:
        self._everybody = everybody
        self._turn = -1
        self._lock = new_lock()

    def pick(self, endpoints: Sequence[Endpoint], now: float, rng: Random) -> Endpoint:
        everybody, turn = self._everybody, self._next(rng)
        if endpoints is everybody:
            return everybody[turn]
        following = (everybody[(turn + step) % len(everybody)] for step in range(len(everybody)))
        return next((e for e in following if e in endpoints), endpoints[0])

    def _next(self, rng: Random) -> int:
        count = len(self._everybody)
        with self._lock:
            self._turn = int(rng.random() * count) if self._turn < 0 else (self._turn + 1) % count
            return self._turn
