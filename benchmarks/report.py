"""The page: goals first, then every case as a table, then what a reader must know to judge them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from benchmarks.cases import CASES
from benchmarks.cases.memory import SIDECAR
from benchmarks.contenders import CONTENDERS
from benchmarks.figures import Figure, Results
from benchmarks.goals import BESIDE, GOALS, Goal, Row

COLUMNS = {
    "added": ("CPU µs added", 1),
    "import": ("import, ms", 0),
    "client": ("first client, ms", 0),
    "rss": ("resident, MiB", 1),
    "pooled": ("connections", 0),
}
HOW = """\
Client and servers on loopback, {pinning}. Every contender has a new client in each of {rounds} rounds,
and they take turns inside a round. A figure is the median of the rounds; a part of bare httpx's is the median of the
ratios inside a round, in brackets the least and the greatest. CPU is the process time of the client, all threads.
[Who takes part, and what the figures mean](../../docs/benchmarks.md).
"""
NOTES = """\
- At c = 1 wall time and p50 hold two wake-ups across cores for each request, which no client can help and which depend
  on how deep an idle core sleeps. CPU is the sturdier column there.
- Bare httpx at c = 100 has two regimes: an assigned connection that has not sent yet still looks idle, is assigned
  again, and everybody scans the pool anew. Its figures jump between the two, and so do ratios to it.
- Bare httpx through Envoy has one address in its pool, the rotating client several: that saves it scans of the pool. So
  the p50 that a hop adds to bare httpx on one endpoint is told as well.
- Envoy runs at its cheapest: no TLS, no access log, no statistics sink, no control plane. It shares the servers' core.
  Its CPU is not in the client's.
"""


def report(about: dict[str, Any], results: Results) -> str:
    """The whole page as Markdown."""
    parts = [
        "# Benchmarks",
        f"Commit {about['commit']}, {about['date']}, {about['python']}, {about['cpu']}, {about['system']}.",
        ", ".join(f"{name} {number}" for name, number in about["packages"].items()) + ".",
        HOW.format(**about),
        "## The goals",
        table(["", "against", "must", "aim", "measured", ""], (_goal(goal, results) for goal in GOALS)),
        _hop(results),
        table(["beside the goals", "against", "measured"], (_beside(row, results) for row in BESIDE)),
        "![CPU a request, as a part of bare httpx's](benchmarks.svg)",
        *(part for name in results.cases for part in _case(name, about["share"], results)),
        "## To judge the figures",
        "".join(f"- {note}\n" for note in about["notes"]) + NOTES,
    ]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def shown(found: Figure | None, digits: int, unit: str = "", spread: bool = True) -> str:
    """`7.9 µs (7.5 to 8.4)`; empty when there is no figure."""
    if found is None:
        return ""
    text = f"{found.value:.{digits}f} {unit}".rstrip()
    return f"{text} ({found.low:.{digits}f} to {found.high:.{digits}f})" if spread else text


def _goal(goal: Goal, results: Results) -> list[str]:
    sign = "≥" if goal.more else "≤"
    limits = [f"{sign} {limit:g} {goal.unit}".rstrip() for limit in (goal.must, goal.aim)]
    verdict = goal.verdict(results)
    marked = f"**{verdict}**" if verdict == "missed" else verdict
    return [goal.what, goal.against, *limits, shown(goal.measured(results), goal.digits, goal.unit), marked]


def _beside(row: Row, results: Results) -> list[str]:
    return [row.what, row.against, shown(row.measured(results), row.digits, row.unit) or "not measured"]


def _hop(results: Results) -> str:
    """The p50 of both in µs, and Envoy's other costs."""
    case = "async-c1-e3"
    hop = results.added(case, "envoy", "httpx", "p50")
    if hop is None:
        return ""
    alone = results.added(case, "envoy", "httpx_one", "p50")
    ours = results.added(case, "mesh", "httpx", "p50")
    taken, held = results.of(case, "envoy", "proxy"), results.of("memory", SIDECAR, "rss")
    return (
        f"At c = 1 one Envoy hop adds {shown(hop, 0, 'µs')} to the p50 of bare httpx rotating, "
        f"{shown(alone, 0, 'µs')} to that of bare httpx on one endpoint; meshlib adds {shown(ours, 0, 'µs')}. "
        f"Envoy takes {shown(taken, 0, 'µs')} of CPU a request beside the client and holds "
        f"{shown(held, 0, 'MiB', spread=False)}."
    )


def _case(name: str, share: float, results: Results) -> list[str]:
    """Heading and table of one case."""
    case, samples = CASES[name], results.cases[name]
    metrics = {metric for one in samples.values() for metric in one}
    body = _requests(name, results) if "cpu" in metrics else _plain(name, results)
    about = f" ({round(case.requests * share)} requests of each a round)" if case.requests else ""
    return [f"## {case.title[0].upper()}{case.title[1:]}{about}", body]


def _requests(name: str, results: Results) -> str:
    """Time, latency and connections of each contender beside the one that all are compared with."""
    part = "of that with 1" if name == "flatness" else "of bare httpx's"
    head = ["", "CPU µs", part, "wall µs", part, "p50 µs", "p99 µs", "requests/s", "connects a request"]
    proxied = results.of(name, "envoy", "proxy") is not None
    rows = (_contender(name, who, results, proxied) for who in results.cases[name])
    return table([*head, *(["Envoy's CPU µs"] if proxied else [])], rows)


def _contender(case: str, who: str, results: Results, proxied: bool) -> list[str]:
    family, _, pooled = who.partition(" ")
    base = f"{family} 1" if pooled else "httpx"
    cells = [_title(who)]
    for metric in ("cpu", "wall"):
        cells.append(shown(results.of(case, who, metric), 0, spread=False))
        cells.append(shown(results.ratio(case, who, base, metric), 2))
    cells += [shown(results.of(case, who, metric), 0, spread=False) for metric in ("p50", "p99")]
    wall = results.of(case, who, "wall")
    cells += [f"{1e6 / wall.value:.0f}" if wall else "", shown(results.of(case, who, "connects"), 3, spread=False)]
    if proxied:
        cells.append(shown(results.of(case, who, "proxy"), 0, spread=False) if who == "envoy" else "")
    return cells


def _title(who: str) -> str:
    """`mesh 512` is a contender with the number of its connections; other names stand for themselves."""
    name, _, pooled = who.partition(" ")
    if name not in CONTENDERS:
        return who
    return CONTENDERS[name].title + (f", {pooled} pooled" if pooled else "")


def _plain(name: str, results: Results) -> str:
    """A row for each contender and a column for each metric."""
    samples = results.cases[name]
    metrics = [metric for metric in COLUMNS if any(metric in one for one in samples.values())]
    rows = ([_title(who), *(shown(results.of(name, who, m), COLUMNS[m][1]) for m in metrics)] for who in samples)
    return table(["", *(COLUMNS[metric][0] for metric in metrics)], rows)
