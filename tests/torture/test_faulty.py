"""Whichever operation on a socket fails: the call ends with an answer or an error of httpx, and nothing is left."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from meshlib.testing import FaultServer, Mode
from meshlib.testing.virtual import VirtualRuntime
from tests.torture.faulty import FAULTS, INTERRUPT, Fault, Line, failing
from tests.torture.gauges import counts
from tests.torture.rig import Rig
from tests.torture.scenarios import SCENARIOS, Scenario
from tests.torture.stage import Stage
from tests.torture.strike import LIMIT, run
from tests.ways import WAYS, Face, Way

# httpx's own generator round a request's body is left in the middle when the request fails there; trio tells of that
pytestmark = pytest.mark.filterwarnings("ignore:Async generator 'httpx2?._content:ResourceWarning")


def cases(*kinds: str) -> list[Any]:
    return [
        pytest.param(way, scenario, id=f"{way}-{scenario}")
        for way in WAYS
        for scenario in SCENARIOS
        if way.kind in kinds and way.kind in scenario.kinds
    ]


@pytest.mark.realtime
@pytest.mark.parametrize(("way", "scenario"), cases("sync", "asyncio", "trio"))
def test_each_operation_fails_once(way: Way, scenario: Scenario, stage: Stage) -> None:
    play(way, lambda: each_operation(Rig(way, scenario, stage), _failing_call, [(fault, False) for fault in FAULTS]))


@pytest.mark.realtime
@pytest.mark.parametrize(("way", "scenario"), cases("sync"))
def test_interrupted_at_each_operation(way: Way, scenario: Scenario, stage: Stage) -> None:
    """KeyboardInterrupt, as a signal raises it: before the operation, or when it was just carried out."""
    interrupts = [(INTERRUPT, False), (INTERRUPT, True)]
    play(way, lambda: each_operation(Rig(way, scenario, stage), _interrupted_call, interrupts))


@pytest.mark.realtime
@pytest.mark.parametrize("way", [way for way in WAYS if way.kind == "asyncio"], ids=str)
def test_a_connection_that_ended_while_its_last_answer_was_read_is_not_kept(way: Way) -> None:
    """The answer is complete, and nothing had said that it was the last."""
    with FaultServer(mode=Mode(body=b"x" * 100_000, close="silent")) as server:

        async def scenario(client: Face) -> None:
            into: list[bytes] = []
            async with client.stream("GET", server.url) as response:
                await asyncio.sleep(0.02)  # body and end have both come
                await client.pull(response, into)
            assert len(b"".join(into)) == 100_000
            assert counts(client.client)["open"] == 0

        way.run(scenario)


def play(way: Way, main: Callable[[], Awaitable[Any]]) -> None:
    if way.sync:
        VirtualRuntime().run(main())  # type: ignore[arg-type]
    else:
        run(way.kind, main)


async def each_operation(rig: Rig, call: Any, faults: list[tuple[Fault, bool]]) -> None:
    rig.open()
    try:
        await rig.check("before the first run")
        for fault, afterwards in faults:
            assert await _each(rig, call, fault, afterwards=afterwards) > 1  # at least one write and one read
    finally:
        await rig.close()


async def _each(rig: Rig, call: Any, fault: Fault, *, afterwards: bool) -> int:
    """Let operation 1, 2, ... fail, until a run has no more; how many there were."""
    for at in range(1, LIMIT):
        await rig.prepare()
        line = Line(rig.stage.ports, at, fault, afterwards=afterwards)
        async with rig.company():
            await call(rig, line)
        await rig.check(
            f"{fault} {'after' if afterwards else 'at'} {line.operations[at - 1 : at] or 'no'} operation {at}"
        )
        if not line.hit:
            return at - 1
    raise AssertionError(f"more than {LIMIT} operations")


async def _failing_call(rig: Rig, line: Line) -> None:
    try:
        with failing(line):
            await rig.act()
    except rig.way.hx.HTTPError:
        if not line.hit or line.fault.harmless:
            raise


async def _interrupted_call(rig: Rig, line: Line) -> None:
    try:
        with failing(line):
            await rig.act()
    except KeyboardInterrupt:
        assert line.hit
    else:
        assert not line.hit, f"nobody heard the interrupt at {line.at} of {line.operations}"
