"""The calls of each second, summed up for the live view and the picture. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from meshlib.cli.demo.figures import percentile, success
from meshlib.cli.demo.record import Record


@dataclass(frozen=True, slots=True)
class Second:
    """The calls due in one second. Success ratios are 0 to 1, `p99` is in seconds."""

    calls: int
    success: float
    get_success: float
    post_success: float
    p99: float


def by_second(records: list[Record]) -> dict[int, Second]:
    """One entry for each second in which a call was due that has ended by now."""
    due: defaultdict[int, list[Record]] = defaultdict(list)
    for record in records:
        due[int(record.due)].append(record)
    return {second: _sum_up(due[second]) for second in sorted(due)}


def _sum_up(records: list[Record]) -> Second:
    return Second(
        calls=len(records),
        success=success(records),
        get_success=success([r for r in records if r.method == "GET"]),
        post_success=success([r for r in records if r.method == "POST"]),
        p99=percentile(sorted(r.seconds for r in records), 99),
    )
