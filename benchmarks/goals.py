"""What the project set itself, row by row down to the sidecar's, and whether a run met it; figures beside them. Pure.

`must` and `aim` are those of the project's design; less is better unless `more` says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from benchmarks.contenders import CONTENDERS
from benchmarks.figures import Figure, Results

Unit = Literal["", "%", "µs", "MiB", "ms"]
Verdict = Literal["aim met", "met", "missed", "not measured"]
IDEAL = 5000.0  # requests per second: 100 at once, 20 ms each


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """measured: the figure in `unit`, None when the run does not have it."""

    what: str
    against: str
    measured: Callable[[Results], Figure | None]
    unit: Unit = ""
    digits: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal(Row):
    """must, aim: in `unit`. more: whether more is better."""

    must: float
    aim: float
    more: bool = False

    def verdict(self, results: Results) -> Verdict:
        found = self.measured(results)
        if found is None:
            return "not measured"
        if self._reaches(found.value, self.aim):
            return "aim met"
        return "met" if self._reaches(found.value, self.must) else "missed"

    def _reaches(self, value: float, goal: float) -> bool:
        return value >= goal if self.more else value <= goal


def _cpu(what: str, case: str, must: float, aim: float, who: tuple[str, str] = ("mesh", "httpx")) -> Goal:
    return Goal(
        what=f"{what}, CPU a request",
        against=f"{CONTENDERS[who[1]].title}, rotating",
        measured=lambda results: results.ratio(case, *who),
        must=must,
        aim=aim,
    )


def _httpx2(concurrency: int, must: float, aim: float) -> Goal:
    title = f"meshlib.httpx2, async, c = {concurrency}, 3 endpoints"
    return _cpu(title, f"async-c{concurrency}-e3", must, aim, ("mesh2", "httpx2"))


def _share_of_ideal(results: Results) -> Figure | None:
    found = results.of("slow-c100", "mesh", "wall")
    return found and Figure(*(100 * 1e6 / wall / IDEAL for wall in (found.value, found.high, found.low)))


def _flatness(results: Results) -> Figure | None:
    return results.ratio("flatness", "mesh 512", "mesh 1")


def _of_a_hop(results: Results) -> Figure | None:
    """What meshlib adds to the p50 at c = 1, as a part of what the sidecar adds.

    By the hop's median, for in one round it can be near zero.
    """
    ours = results.added("async-c1-e3", "mesh", "httpx", "p50")
    hop = results.added("async-c1-e3", "envoy", "httpx", "p50")
    if ours is None or hop is None or hop.value <= 0:
        return None
    return Figure(*(added / hop.value for added in (ours.value, ours.low, ours.high)))


GOALS = (
    _cpu("async, c = 1, 3 endpoints", "async-c1-e3", 0.65, 0.42),
    _cpu("async, c = 10, 3 endpoints", "async-c10-e3", 0.50, 0.33),
    _cpu("async, c = 100, 3 endpoints", "async-c100-e3", 0.35, 0.21),
    _cpu("async, c = 1, 64 endpoints", "async-c1-e64", 0.30, 0.17),
    _cpu("async, c = 100, 64 endpoints", "async-c100-e64", 0.45, 0.27),
    _cpu("sync, 1 thread", "sync-t1", 0.85, 0.63),
    _cpu("sync, 10 threads", "sync-t10", 0.60, 0.44),
    _httpx2(1, 0.75, 0.48),
    _httpx2(10, 0.60, 0.40),
    _httpx2(100, 0.45, 0.28),
    Goal(
        what="20 ms backend, c = 100: requests per second",
        against=f"the ideal {IDEAL:g}/s",
        measured=_share_of_ideal,
        unit="%",
        digits=1,
        must=75,
        aim=90,
        more=True,
    ),
    Goal(what="512 connections pooled, CPU a request", against="itself with 1", measured=_flatness, must=1.1, aim=1.0),
    Goal(
        what="all default layers, CPU added over a null wire",
        against="the wire alone",
        measured=lambda results: results.of("layers", "default layers, deadline", "added"),
        unit="µs",
        digits=1,
        must=15,
        aim=8,
    ),
    Goal(
        what="a recording SDK, spans and metrics, CPU added over a null wire",
        against="no tracing layer",
        measured=lambda results: results.of("tracing", "spans and metrics", "added"),
        unit="µs",
        digits=1,
        must=45,
        aim=30,
    ),
    Goal(what="p50 added at c = 1", against="what one Envoy hop adds", measured=_of_a_hop, must=0.25, aim=0),
)
BESIDE = (
    Row(
        what="async, c = 1, 3 endpoints, CPU a request",
        against="naive composition",
        measured=lambda results: results.ratio("async-c1-e3", "mesh", "naive"),
    ),
    Row(
        what="async, c = 1, 3 endpoints, wall time a request",
        against="bare httpx through Envoy",
        measured=lambda results: results.ratio("async-c1-e3", "mesh", "envoy", "wall"),
    ),
    Row(
        what="connects a request at steady state, c = 100, 8 endpoints",
        against="as the server counts them",
        measured=lambda results: results.of("connects-e8", "mesh", "connects"),
        digits=4,
    ),
    Row(
        what="connects a request at steady state, c = 100, 64 endpoints",
        against="as the server counts them",
        measured=lambda results: results.of("connects-e64", "mesh", "connects"),
        digits=4,
    ),
    Row(
        what="import, added",
        against="import httpx",
        measured=lambda results: results.added("imports", "mesh", "httpx", "import"),
        unit="ms",
        digits=0,
    ),
    Row(
        what="making the first client, added",
        against="bare httpx's",
        measured=lambda results: results.added("imports", "mesh", "httpx", "client"),
        unit="ms",
        digits=0,
    ),
    Row(
        what="resident memory with 100 connections, added",
        against="bare httpx with 100",
        measured=lambda results: results.added("memory", "mesh", "httpx", "rss"),
        unit="MiB",
        digits=1,
    ),
)
