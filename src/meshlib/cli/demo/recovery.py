"""How long a trouble was felt. Pure.

Seconds from the trouble's start until success stays at or above 99.9 %: the smallest time such that of the calls due
from then on, and from every later moment on, up to the next trouble, at least 99.9 % got a 2xx answer. 0 if that holds
from the start. With fewer than 1000 calls in that stretch this is the time of the last failed call.
"""

from __future__ import annotations

from meshlib.cli.demo.record import Record

GOOD = 0.999


def recovery(records: list[Record], start: float) -> float:
    """records: the calls from this trouble's start to the next one's, in any order."""
    failed, felt_until = 0, start
    for seen, record in enumerate(sorted(records, key=lambda r: r.due, reverse=True), 1):
        failed += not record.ok
        if (seen - failed) / seen < GOOD:
            felt_until = max(felt_until, record.due)
    return felt_until - start
