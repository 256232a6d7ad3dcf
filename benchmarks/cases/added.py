"""What the layers add to a call, without a network: the figures of `layers.py` and of `tracing.py`."""

from __future__ import annotations

from benchmarks.rounds import Samples, interleaved
from benchmarks.workload import Workload

REPEATS, LEAST_OF = 3, 30  # each figure is the least of many short rounds already


def null_wire(work: Workload) -> Samples:
    """`added` µs by what stands between the caller and the wire."""
    from benchmarks import layers

    cases = {name: case for name, case in layers.cases().items() if not name.startswith("without")}
    samples: Samples = {}
    for _ in range(min(work.rounds, REPEATS)):
        figures = layers.least(cases, LEAST_OF)
        for name, value in figures.items():
            samples.setdefault(name, {"added": []})["added"].append(value - figures["wire alone"])
    return samples


def recording(work: Workload) -> Samples:
    """`added` µs by what records."""
    from benchmarks import tracing

    def measure(situation: str) -> dict[str, float]:
        return {"added": tracing.added_in(situation, call_span=False, rounds=LEAST_OF)}

    return interleaved(tracing.SITUATIONS, min(work.rounds, REPEATS), measure)
