"""The better of two endpoints drawn at random, by peak-EWMA latency times (in-flight + 1): Finagle's default balancer.

Drawing two and taking the better one is nearly as even as asking all of them, for the price of two look-ups, and does
not stampede to whoever looks best (Mitzenmacher, The Power of Two Choices in Randomized Load Balancing, 1996). Latency
alone would send everything to an endpoint that fails fast, so failed attempts come in as seconds (see policy.py).
"""

from __future__ import annotations

from math import exp
from typing import TYPE_CHECKING

from meshlib.layers.balance.picker import draw_two

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from meshlib.endpoint import Endpoint

LEAST = 1e-6
"""Seconds added to every estimate, so that in-flight attempts still count when the estimates have sunk to nothing."""


class P2cEwma:
    """`typical(now)` is the latency taken for an endpoint of which nothing is known, or which is due for its trial."""

    def __init__(self, typical: Callable[[float], float]) -> None:
        self._typical = typical

    def pick(self, endpoints: Sequence[Endpoint], now: float, rng: Random) -> Endpoint:
        if len(endpoints) == 1:
            return endpoints[0]
        one, other = draw_two(endpoints, rng)
        return one if self._cost(one, now) <= self._cost(other, now) else other

    def _cost(self, endpoint: Endpoint, now: float) -> float:
        load, gate = endpoint.load, endpoint.gate
        if load is None or (gate is not None and gate.due(now)) or (estimate := load.estimate) < 0.0:
            seconds = self._typical(now)
        else:
            seconds = estimate * exp((load.stamp - now) / load.decay)
        return (seconds + LEAST) * (len(endpoint.busy) + 1)
