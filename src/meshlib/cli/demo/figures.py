"""What the table says about one column, computed from what its client and its replicas told. Pure."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from meshlib.cli.demo.record import Record
from meshlib.cli.demo.recovery import recovery
from meshlib.cli.demo.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Figures:
    """Of the calls due since the first trouble, but for `posts_twice`, which is of all.

    Success ratios are 0 to 1, latencies in seconds (failed calls with the time they took).
    recover: seconds, one for each trouble in order.
    """

    calls: int
    get_success: float
    post_success: float
    p50: float
    p99: float
    p999: float
    attempts_per_call: float
    posts_twice: int
    recover: tuple[float, ...]


def figures(schedule: Schedule, records: list[Record], received: int, executed: Counter[str]) -> Figures:
    """received: all requests that reached the column's replicas; executed: how often each call's id was executed."""
    troubled = [r for r in records if r.due >= schedule.calm]
    latencies = sorted(r.seconds for r in troubled)
    return Figures(
        calls=len(troubled),
        get_success=success([r for r in troubled if r.method == "GET"]),
        post_success=success([r for r in troubled if r.method == "POST"]),
        p50=percentile(latencies, 50),
        p99=percentile(latencies, 99),
        p999=percentile(latencies, 99.9),
        attempts_per_call=_attempts_per_call(records, troubled, received),
        posts_twice=sum(times > 1 for id_, times in executed.items() if id_.startswith("POST")),
        recover=tuple(_recoveries(schedule, records)),
    )


def success(records: list[Record]) -> float:
    """The share that got a 2xx answer; 1 if there was nothing to answer."""
    return sum(r.ok for r in records) / len(records) if records else 1.0


def percentile(ordered: list[float], percent: float) -> float:
    """The nearest-rank percentile: the smallest value that at least `percent` of all do not exceed. 0 for none."""
    rank = math.ceil(round(len(ordered) * percent / 100, 9))
    return ordered[max(rank, 1) - 1] if ordered else 0.0


def _attempts_per_call(records: list[Record], troubled: list[Record], received: int) -> float:
    """As the client counts, or, if replicas saw more than the client admits, as they count (over the whole run)."""
    if not troubled:
        return 0.0
    told = sum(r.attempts for r in troubled) / len(troubled)
    return max(told, received / len(records))


def _recoveries(schedule: Schedule, records: list[Record]) -> list[float]:
    starts = [t.start for t in schedule.troubles]
    ends = [*starts[1:], math.inf]
    return [
        recovery([r for r in records if start <= r.due < end], start) for start, end in zip(starts, ends, strict=True)
    ]
