"""The usual value of a stream, kept in one number.

A median that walks: up by a hundredth when a value is above it, down when one is below, so that it comes to rest where
both happen equally often (Ma, Muthukrishnan and Sandler, Frugal Streaming for Estimating Quantiles, 2013; the step is
relative here). A hundred values move it by a factor of e at most, so outliers do nothing.
"""

from __future__ import annotations

STEP = 1.01


class FrugalMedian:
    """`value` is 0 before the first one. Not locked: a step that is lost between threads means nothing."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0

    def add(self, value: float) -> None:
        """Take in one value above 0."""
        current = self.value
        if current <= 0.0:
            self.value = value
        elif value > current:
            self.value = current * STEP
        elif value < current:
            self.value = current / STEP
