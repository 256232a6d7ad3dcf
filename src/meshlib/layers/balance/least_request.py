"""The one of two endpoints drawn at random that has fewer attempts in flight (Envoy's and gRPC's least_request)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshlib.layers.balance.picker import draw_two

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from meshlib.endpoint import Endpoint


class LeastRequest:
    def pick(self, endpoints: Sequence[Endpoint], now: float, rng: Random) -> Endpoint:
        if len(endpoints) == 1:
            return endpoints[0]
        one, other = draw_two(endpoints, rng)
        return one if len(one.busy) <= len(other.busy) else other
