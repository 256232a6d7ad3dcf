"""The middle value: unlike the mean it does not move when one endpoint of ten hangs."""

from __future__ import annotations

from collections.abc import Iterable


def lower_median(values: Iterable[float]) -> float | None:
    """The middle of `values`, the lower of two middles; None when there are none.

    The lower one: of two endpoints the healthy one says what is usual.
    """
    ordered = sorted(values)
    return ordered[(len(ordered) - 1) // 2] if ordered else None
