"""Policy `random`: every endpoint with the same probability."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from meshlib.endpoint import Endpoint


class Uniform:
    def pick(self, endpoints: Sequence[Endpoint], now: float, rng: Random) -> Endpoint:
        return endpoints[int(rng.random() * len(endpoints))]
