"""From samples to figures: medians over rounds, of ratios and differences inside a round, with their spread. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.rounds import Samples


@dataclass(frozen=True, slots=True)
class Figure:
    """value: the median. low, high: the least and the greatest of the rounds."""

    value: float
    low: float
    high: float


class Results:
    """The samples of a run, by case. What was not measured has no figure (None)."""

    def __init__(self, cases: dict[str, Samples]) -> None:
        self.cases = cases

    def of(self, case: str, contender: str, metric: str) -> Figure | None:
        """The metric itself."""
        return figure(self._values(case, contender, metric))

    def ratio(self, case: str, contender: str, against: str, metric: str = "cpu") -> Figure | None:
        """How many times `against` it takes, round by round."""
        return self._paired(case, contender, against, metric, lambda mine, theirs: mine / theirs)

    def added(self, case: str, contender: str, against: str, metric: str) -> Figure | None:
        """By how much it is above `against`, round by round."""
        return self._paired(case, contender, against, metric, lambda mine, theirs: mine - theirs)

    def _paired(
        self, case: str, contender: str, against: str, metric: str, of: Callable[[float, float], float]
    ) -> Figure | None:
        pairs = zip(self._values(case, contender, metric), self._values(case, against, metric), strict=False)
        return figure([of(mine, theirs) for mine, theirs in pairs])

    def _values(self, case: str, contender: str, metric: str) -> list[float]:
        return self.cases.get(case, {}).get(contender, {}).get(metric, [])


def figure(values: list[float]) -> Figure | None:
    return Figure(statistics.median(values), min(values), max(values)) if values else None
