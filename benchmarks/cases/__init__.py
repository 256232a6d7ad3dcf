"""What is measured: one table, in the order in which it runs and stands in the report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from benchmarks.cases.added import null_wire, recording
from benchmarks.cases.flatness import flatness
from benchmarks.cases.imports import imports
from benchmarks.cases.memory import memory
from benchmarks.cases.requests import connects, requests_async, requests_sync
from benchmarks.rounds import Samples
from benchmarks.workload import Workload

BURST = "/first/{}"  # ms; longer than it takes to dial all


@dataclass(frozen=True, slots=True)
class Case:
    """run: measures it, in a process of its own. fleet, endpoints: the servers it needs, "" for none. path: what is
    asked for. requests: of one contender in one round of a full run.
    """

    name: str
    title: str
    run: Callable[[Workload], Samples]
    fleet: str = ""
    endpoints: int = 3
    path: str = "/charge"
    requests: int = 0


def _async(concurrency: int, endpoints: int, requests: int) -> Case:
    title = f"async, c = {concurrency}, {endpoints} endpoints"
    run = partial(requests_async, concurrency=concurrency)
    return Case(f"async-c{concurrency}-e{endpoints}", title, run, "fast", endpoints, requests=requests)


def _sync(threads: int, requests: int) -> Case:
    title = f"sync, {threads} thread{'s'[: threads > 1]}, 3 endpoints"
    return Case(f"sync-t{threads}", title, partial(requests_sync, threads=threads), "fast", requests=requests)


def _connects(endpoints: int) -> Case:
    title = f"connects at steady state, async, c = 100, {endpoints} endpoints"
    return Case(f"connects-e{endpoints}", title, connects, "fast", endpoints, requests=1000)


_DELAYED = Case(
    "slow-c100",
    "async, c = 100, 3 endpoints, a backend that takes 20 ms",
    partial(requests_async, concurrency=100),
    "slow",
    path="/delay/20",
    requests=1200,
)

CASES = {
    case.name: case
    for case in (
        _async(1, 3, 700),
        _async(10, 3, 700),
        _async(100, 3, 800),
        _async(1, 64, 500),
        _async(10, 64, 700),
        _async(100, 64, 800),
        _connects(8),
        _connects(64),
        _DELAYED,
        _sync(1, 1000),
        _sync(10, 1000),
        Case(
            "flatness",
            "one request at a time, 1 and 512 connections pooled",
            flatness,
            "slow",
            1,
            BURST.format(1500),
            300,
        ),
        Case("layers", "all default layers over a wire that does nothing", null_wire),
        Case("tracing", "what tracing adds, over a wire that does nothing", recording),
        Case("imports", "import, and making the first client", imports),
        Case("memory", "resident memory with 100 connections", memory, "slow", 3, BURST.format(500)),
    )
}
