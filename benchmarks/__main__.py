"""`make bench`: measures, prints the page, and writes page, samples and chart. A full run takes about eight minutes.

`--quick`, `--only` and `--contender` are for work on the benchmark itself: their results go to .cache/bench.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.cases import CASES
from benchmarks.chart import chart
from benchmarks.contenders import CONTENDERS
from benchmarks.figures import Results
from benchmarks.machine import ROOT, about, cores
from benchmarks.report import report
from benchmarks.run import run

PUBLISHED = ROOT / "benchmarks" / "results"
SCRATCH = ROOT / ".cache" / "bench"
PINNED = "each pinned to a core of its own"
NOT_PINNED = "not kept apart, for there is only one core or the system cannot pin"


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 1 when a case failed."""
    options = parsed(arguments)
    rounds = options.rounds or (2 if options.quick else 7)
    share = 0.1 if options.quick else 1.0
    names = options.only or list(CASES)
    done = run(names, rounds, share, not options.own_servers, options.contender)
    notes = [*done.notes, *(f"The case {name} failed." for name in done.failed)]
    told = {**about(), "rounds": rounds, "share": share, "pinning": PINNED if cores() else NOT_PINNED, "notes": notes}
    partial = options.quick or options.only or options.contender or options.own_servers
    write(told, Results(done.samples), options.results or (SCRATCH if partial else PUBLISHED))
    return 1 if done.failed else 0


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description="Benchmarks against bare httpx and others.")
    parser.add_argument("--quick", action="store_true", help="a smoke run: two rounds, a tenth of the requests")
    parser.add_argument("--only", action="append", choices=list(CASES), help="this case; may be given several times")
    parser.add_argument(
        "--contender",
        action="append",
        default=[],
        choices=list(CONTENDERS),
        help="this one; may be given several times",
    )
    parser.add_argument("--rounds", type=int, help="default 7")
    parser.add_argument("--own-servers", action="store_true", help="neither nginx nor Envoy: our own small server")
    parser.add_argument("--results", type=Path, help="folder to write to")
    return parser.parse_args(arguments)


def write(told: dict[str, Any], results: Results, folder: Path) -> None:
    """The page, the samples it was made from, and the chart."""
    folder.mkdir(parents=True, exist_ok=True)
    page = report(told, results)
    (folder / "benchmarks.md").write_text(page)
    (folder / "benchmarks.json").write_text(json.dumps({"about": told, "cases": results.cases}, indent=1) + "\n")
    (folder / "benchmarks.svg").write_text(chart(told, results))
    sys.stdout.write(page)
    sys.stderr.write(f"written to {folder}\n")


if __name__ == "__main__":
    sys.exit(main())
