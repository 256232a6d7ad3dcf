"""What one call costs, counted: nothing here is measured in time, so a busy machine changes no figure.

Each bound stands a little above today's figure. Who goes past one on purpose raises it and says why in the commit;
`python -m benchmarks.layers` and `python -m benchmarks` say what it costs in microseconds.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.metrics import _internal as metrics

import meshlib
from benchmarks import layers
from meshlib.hop import arun, run
from meshlib.layers.tracing.attempt import INSTRUMENTATION
from meshlib.runtime.aio import AioRuntime
from meshlib.runtime.sync import SyncRuntime, complete
from meshlib.testing import FaultServer
from meshlib.testing.fleet import FleetSimulator
from meshlib.testing.virtual import VirtualRuntime
from tests.gates.counting import Calls, Suspensions, blocks_held, blocks_lost, calls, system_calls, timers
from tests.simulation.rig import Client, Traffic, names

HINT = "\nThe functions of one call are listed above; what is new among them?"
WARM = 100
"""Calls before the first one that counts: every endpoint has a latency, caches and interpreter are warm."""

SERVICE = layers.SERVICE
URL = f"http://{SERVICE}/charge/42"


@pytest.fixture(autouse=True)
def nobody_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that uses no OpenTelemetry, whatever tests before these have imported or set."""
    monkeypatch.delitem(sys.modules, INSTRUMENTATION, raising=False)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    monkeypatch.setattr(metrics, "_METER_PROVIDER", None)


def cheapest(once: Callable[[], object], times: int = 5) -> Calls:
    """The call that entered the fewest functions, after warming up."""
    for _ in range(WARM):
        once()
    found = []
    for _ in range(times):
        with calls() as seen:
            once()
        found.append(seen)
    return min(found, key=lambda seen: seen.python.total())


# ---- layers over a wire that does nothing ----------------------------------------------------------------------------


def hop(seconds: float | None, *, sync: bool = True, **sections: Any) -> Callable[[], Any]:
    """All that meshlib does for a request with a deadline of so many seconds, from the hop down to the wire."""
    service, sent = layers.the_service(**sections), layers.request()

    def once() -> Any:
        call = layers.new_call(sent, seconds)
        call.runtime = SyncRuntime() if sync else AioRuntime()
        return run(call, sent, service) if sync else complete(arun(call, sent, service))

    return once


@pytest.mark.parametrize("sync", [True, False], ids=["sync", "async"])
@pytest.mark.parametrize(("deadline", "bound"), [(None, 62), (1.0, 74)], ids=["plain", "deadline"])
def test_the_default_layers_enter_few_functions(sync: bool, deadline: float | None, bound: int) -> None:
    seen = cheapest(hop(deadline, sync=sync))
    assert seen.python.total() <= bound, f"{seen}{HINT}"


@pytest.mark.parametrize("deadline", [None, 1.0], ids=["plain", "deadline"])
def test_a_successful_call_takes_one_lock(deadline: float | None) -> None:
    """That of the endpoint's latency estimate; budget, breaker and balancer take theirs when something fails."""
    seen = cheapest(hop(deadline))
    assert seen.locks <= 1, str(seen)


def test_a_layer_that_is_off_is_not_entered() -> None:
    seen = cheapest(hop(1.0, **dict.fromkeys(layers.SECTIONS, False)))
    assert seen.within("meshlib/layers/") == 0, str(seen)


@pytest.mark.parametrize("name", layers.SECTIONS)
def test_each_layer_can_be_left_out_by_itself(name: str) -> None:
    off = {"deadline": False, "attempt": False} if name in ("deadline", "attempt") else {name: False}
    seen = cheapest(hop(None, **off))
    assert seen.within(f"meshlib/layers/{name}/") == 0, str(seen)


def test_on_a_wire_that_answers_at_once_an_async_call_never_waits() -> None:
    service, sent = layers.the_service(), layers.request()

    async def main() -> int:
        counted = Suspensions(arun(layers.new_call(sent, 1.0), sent, service))
        await counted
        return counted.count

    assert asyncio.run(main()) == 0


@pytest.mark.parametrize("deadline", [None, 1.0], ids=["plain", "deadline"])
def test_a_call_leaves_nothing_to_the_garbage_collector(deadline: float | None) -> None:
    """No reference cycle, nothing remembered: what a call made is free as soon as its response is."""
    assert blocks_lost(hop(deadline)) < 0.1


def test_a_response_that_is_kept_holds_little_besides_itself() -> None:
    """Its journal: a handful of small objects, and none of the call's machinery."""
    assert blocks_held(hop(1.0)) <= 24


# ---- whole clients ---------------------------------------------------------------------------------------------------


def answering(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200)


def test_direct_costs_next_to_nothing() -> None:
    """`unconfigured = "direct"`: a look at the table of services, and httpx."""
    mesh = meshlib.Mesh(unconfigured="direct")
    with (
        httpx.Client(transport=httpx.MockTransport(answering)) as bare,
        meshlib.Client(mesh=mesh, transport=httpx.MockTransport(answering)) as client,
    ):
        plain = cheapest(lambda: bare.get("http://elsewhere/"))
        ours = cheapest(lambda: client.get("http://elsewhere/"))
    assert ours.within("/layer.py ") == 0, str(ours)
    assert ours.python.total() - plain.python.total() <= 20, ours.python - plain.python


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


def mesh_for(server: FaultServer) -> meshlib.Mesh:
    service = meshlib.Service(f"static://{server.address}", deadline=meshlib.Deadline(timeout=30.0))
    return meshlib.Mesh(services={SERVICE: service})


def per_call(seen: Counter[str], calls: int) -> dict[str, float]:
    return {name: count / calls for name, count in seen.items()}


def test_a_blocking_call_sends_once_receives_once_and_looks_twice(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once for a peer that has closed the idle connection, once for the answer."""
    with system_calls(monkeypatch) as seen, meshlib.Client(mesh=mesh_for(server)) as client:
        client.get(URL)
        seen.clear()
        for _ in range(20):
            client.get(URL)
    found = per_call(seen, 20)
    assert found.pop("poll") <= 2.2, found
    assert found == {"send": 1, "recv": 1}


def test_an_async_call_waits_once_and_starts_no_timer_of_its_own(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One suspension, one look at the idle connection, no task; one timer at most serves many calls."""

    async def main() -> tuple[list[int], Counter[str], Counter[str]]:
        with system_calls(monkeypatch) as seen:
            async with meshlib.AsyncClient(mesh=mesh_for(server)) as client:
                await client.get(URL)
                seen.clear()
                waits = []
                with timers(monkeypatch) as of_loop:
                    for _ in range(20):
                        counted = Suspensions(client.get(URL))
                        await counted
                        waits.append(counted.count)
        return waits, seen, of_loop

    waits, seen, of_loop = asyncio.run(main())
    assert min(waits) == 1, waits
    assert sum(waits) <= 24, waits  # an answer may come in two pieces
    assert of_loop["create_task"] == 0
    assert of_loop["call_later"] + of_loop["call_at"] <= 2, of_loop
    assert seen["send"] == 20
    assert seen["poll"] <= 20
    assert seen["recv"] + seen["recv_into"] <= 24


@pytest.mark.parametrize(("kind", "functions", "locks"), [("sync", 180, 8), ("async", 205, 4)])
def test_a_whole_request_enters_few_functions(server: FaultServer, kind: str, functions: int, locks: int) -> None:
    """Of meshlib, from the client's method to the socket and back; h11, httpx and the loop have their own."""
    seen = whole_requests(server, kind)
    assert seen.within("meshlib/") <= functions, f"{seen}{HINT}"
    assert seen.locks <= locks, str(seen)


def whole_requests(server: FaultServer, kind: str) -> Calls:
    mesh = mesh_for(server)
    if kind == "sync":
        with meshlib.Client(mesh=mesh) as client:
            return cheapest(lambda: client.get(URL))
    with asyncio.Runner() as runner:
        client = meshlib.AsyncClient(mesh=mesh)
        try:
            return cheapest(lambda: runner.run(client.get(URL)))
        finally:
            runner.run(client.aclose())


# ---- the simulator ---------------------------------------------------------------------------------------------------


def test_a_simulated_call_enters_few_functions() -> None:
    """Chain, clock and fleet: what bounds how many calls a second can be simulated."""
    clock = VirtualRuntime(1)
    traffic = Traffic([Client(clock, FleetSimulator(clock, names(10), seed=1))], seed=1)
    traffic.run(1000.0, 1.0)
    before = len(traffic.outcomes)
    with calls() as seen:
        traffic.run(1000.0, 1.0)
    each = seen.within("meshlib/") / (len(traffic.outcomes) - before)
    assert each <= 102, f"{each} functions for each call{seen}"
