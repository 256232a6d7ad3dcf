"""A verdict says what the samples say."""

import pytest
from benchmarks.cases import CASES
from benchmarks.cases.flatness import POOLED
from benchmarks.cases.imports import IMPORTS
from benchmarks.contenders import CONTENDERS
from benchmarks.figures import Results
from benchmarks.goals import BESIDE, GOALS, Goal

from benchmarks import layers, tracing


def goal(what: str) -> Goal:
    return next(one for one in GOALS if one.what.startswith(what))


def cpu(mesh: float) -> Results:
    return Results({"async-c1-e3": {"httpx": {"cpu": [100.0]}, "mesh": {"cpu": [mesh]}}})


@pytest.mark.parametrize(("mesh", "verdict"), [(42, "aim met"), (43, "met"), (65, "met"), (66, "missed")])
def test_less_is_better(mesh: float, verdict: str) -> None:
    assert goal("async, c = 1, 3").verdict(cpu(mesh)) == verdict


@pytest.mark.parametrize(("wall", "verdict"), [(220.0, "aim met"), (260.0, "met"), (270.0, "missed")])
def test_requests_per_second_are_held_against_the_ideal_where_more_is_better(wall: float, verdict: str) -> None:
    assert goal("20 ms").verdict(Results({"slow-c100": {"mesh": {"wall": [wall]}}})) == verdict


@pytest.mark.parametrize(("mesh", "verdict"), [(90.0, "aim met"), (120.0, "met"), (130.0, "missed")])
def test_what_meshlib_adds_is_held_against_an_envoy_hop(mesh: float, verdict: str) -> None:
    samples = {name: {"p50": [value]} for name, value in {"httpx": 100.0, "envoy": 200.0, "mesh": mesh}.items()}
    assert goal("p50 added").verdict(Results({"async-c1-e3": samples})) == verdict


def test_a_goal_that_was_not_measured_is_not_called_met() -> None:
    assert {one.verdict(Results({})) for one in GOALS} == {"not measured"}


def test_every_row_reads_what_the_cases_measure() -> None:
    """With one misspelt name its row would say "not measured" for ever."""
    asked: set[tuple[str, str]] = set()

    class Spy(Results):
        def _values(self, case: str, contender: str, metric: str) -> list[float]:
            asked.add((case, contender))
            return []

    for row in (*GOALS, *BESIDE):
        row.measured(Spy({}))
    own_names = {"layers": layers.cases(), "tracing": tracing.SITUATIONS, "flatness": POOLED, "imports": IMPORTS}
    assert {case for case, _ in asked} <= set(CASES)
    assert not [(case, name) for case, name in asked if name not in own_names.get(case, CONTENDERS)]
