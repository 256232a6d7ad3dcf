"""A call leaves nothing behind wherever it is cancelled, and the same client answers the next one."""

from __future__ import annotations

import pytest

from tests.torture.conftest import Spans
from tests.torture.rig import Rig
from tests.torture.scenarios import SCENARIOS, Scenario
from tests.torture.stage import Stage
from tests.torture.strike import Blow, blows, run, struck_at
from tests.ways import WAYS, Way

# httpx's own generator round a request's body is left in the middle when the request fails there; trio tells of that
pytestmark = pytest.mark.filterwarnings("ignore:Async generator 'httpx2?._content:ResourceWarning")

CASES = [
    pytest.param(way, scenario, id=f"{way}-{scenario}")
    for way in WAYS
    for scenario in SCENARIOS
    if not way.sync and way.kind in scenario.kinds
]


@pytest.mark.realtime
@pytest.mark.parametrize(("way", "scenario"), CASES)
def test_cancelled_at_every_point(way: Way, scenario: Scenario, stage: Stage) -> None:
    points = run(way.kind, lambda: every_point(way, scenario, stage))
    assert points >= len(blows(way.kind, scenario.points))  # else nothing was struck


TRACED = [case for case in CASES if case.values[1].name in ("one-endpoint-warm", "retry-503", "stream-left")]


@pytest.mark.realtime
@pytest.mark.parametrize(("way", "scenario"), TRACED)
def test_while_spans_are_recorded(way: Way, scenario: Scenario, stage: Stage, spans: Spans) -> None:
    """Each span that has begun ends, also of a call that was cancelled."""
    points = run(way.kind, lambda: every_point(way, scenario, stage))
    assert spans.begun > points
    assert spans.open == 0


async def every_point(way: Way, scenario: Scenario, stage: Stage) -> int:
    """How many runs were struck, over all ways of striking."""
    rig = Rig(way, scenario, stage)
    rig.open()
    try:
        await rig.check("before the first run")
        return sum([await _blow(rig, blow) for blow in blows(way.kind, scenario.points)])
    finally:
        await rig.close()


async def _blow(rig: Rig, blow: Blow) -> int:
    """Strike at point 1, 2, ... until a run comes through; how many there were."""
    point = 1
    while True:
        await rig.prepare()
        async with rig.company():
            struck = await struck_at(rig.act(), point, blow)
        await rig.check(f"{blow} at point {point}")
        if not struck:
            return point - 1
        point += 1
