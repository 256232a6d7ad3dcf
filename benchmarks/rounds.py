"""A B C A B C: contenders take turns, so that a machine which slows down slows all of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable

from benchmarks.contenders import CONTENDERS, Contender
from benchmarks.sampling import Sample
from benchmarks.workload import Workload

Samples = dict[str, dict[str, list[float]]]
"""By contender, then by metric: one value a round."""


def interleaved(names: Iterable[str], rounds: int, measure: Callable[[str], Sample]) -> Samples:
    """`measure` each of `names` once a round, every other round in the other direction."""
    samples: Samples = {name: {} for name in names}
    for number in range(rounds):
        for name in samples if number % 2 == 0 else reversed(samples):
            for metric, value in measure(name).items():
                samples[name].setdefault(metric, []).append(value)
        sys.stderr.write(".")
        sys.stderr.flush()
    return samples


def taking_part(names: Iterable[str], work: Workload) -> list[Contender]:
    """Those of `names` that are asked for and can be had."""
    asked = [CONTENDERS[name] for name in names if not work.contenders or name in work.contenders]
    return [one for one in asked if not one.missing(work)]
