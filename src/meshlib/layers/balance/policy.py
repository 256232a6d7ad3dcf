"""What a failed attempt counts as, how much traffic a new endpoint gets, and which endpoints a process uses at all."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from meshlib.endpoint import Endpoint

PENALTY = 5.0
"""Seconds that a failed attempt counts for at least. A balancer that takes a fast failure for a fast answer sends most
of the traffic to the broken endpoint."""
PENALTY_MAX = 300.0
RAMP_FROM = 0.1
"""The share with which a new endpoint begins (Envoy's minimum weight of slow start)."""


def penalty(seconds: float, repel: float) -> float:
    """The latency sample of a failed attempt that took `seconds` and asked to be left alone for `repel` (or 0)."""
    return min(max(seconds, repel or PENALTY), PENALTY_MAX)


def ramp(age: float, slow_start: float) -> float:
    """The share of its traffic that an endpoint gets `age` seconds after it was added: linear up to 1."""
    return min(max(age / slow_start, RAMP_FROM), 1.0)


def thinned(endpoints: Sequence[Endpoint], now: float, slow_start: float, rng: Random) -> Sequence[Endpoint]:
    """Those that take part in this pick: one in slow start does with the probability of its share, whatever the policy.

    (A lower weight in the comparison instead would mean no traffic at all between equals, and all of it at the end.)
    """
    taking_part = [e for e in endpoints if e.added_at is None or rng.random() < ramp(now - e.added_at, slow_start)]
    return taking_part or endpoints


def later(limit: float | None, seconds: float, end: float | None) -> float | None:
    """A limit (a point in time, None: none) moved by so many seconds, but not past `end`."""
    if limit is None:
        return None
    return limit + seconds if end is None else min(limit + seconds, end)


def subset(endpoints: Sequence[Endpoint], size: int, seed: int) -> tuple[Endpoint, ...]:
    """`size` of the endpoints by rendezvous hashing with this process's own `seed` (gRFC A68), in their given order.

    An endpoint that comes or goes moves one place only. Without coordination the load is even on average.
    """
    key = seed.to_bytes(8, "big")

    def score(endpoint: Endpoint) -> bytes:
        return hashlib.blake2b(endpoint.name.encode(), key=key, digest_size=8).digest()

    chosen = set(sorted(endpoints, key=score)[:size])
    return tuple(e for e in endpoints if e in chosen)
