"""`make bench`: CPU time per request of meshlib against bare httpx over the same endpoints on loopback.

Rounds alternate between the two, so that a machine which slows down slows both. What is told is the median of the
ratios inside a round, with their least and greatest; absolute figures are this machine's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.contenders import run_async, run_sync
from benchmarks.servers import replicas

RESULTS = Path(__file__).parent / "results"
CASES = [("async", 1), ("async", 10), ("async", 100), ("sync", 1), ("sync", 10)]


class Measure:
    """CPU and wall seconds between enter and exit."""

    def __enter__(self) -> Measure:
        self._start = time.process_time(), time.perf_counter()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.cpu = time.process_time() - self._start[0]
        self.wall = time.perf_counter() - self._start[1]


def one(kind: str, contender: str, addresses: list[str], requests: int, concurrency: int) -> tuple[float, float]:
    """CPU and wall microseconds of one request."""
    measure = Measure()
    if kind == "async":
        asyncio.run(run_async(contender, addresses, requests, concurrency, measure))
    else:
        run_sync(contender, addresses, requests, concurrency, measure)
    return measure.cpu / requests * 1e6, measure.wall / requests * 1e6


def case(kind: str, concurrency: int, addresses: list[str], requests: int, rounds: int) -> dict[str, Any]:
    """All rounds of one case."""
    pairs = [
        [one(kind, contender, addresses, requests, concurrency) for contender in ("httpx", "meshlib")]
        for _ in range(rounds)
    ]
    ratios = sorted(mesh[0] / bare[0] for bare, mesh in pairs)
    return {
        "case": f"{kind}, c = {concurrency}",
        "httpx_cpu_us": round(statistics.median(bare[0] for bare, _ in pairs)),
        "meshlib_cpu_us": round(statistics.median(mesh[0] for _, mesh in pairs)),
        "httpx_wall_us": round(statistics.median(bare[1] for bare, _ in pairs)),
        "meshlib_wall_us": round(statistics.median(mesh[1] for _, mesh in pairs)),
        "cpu_ratio": round(statistics.median(ratios), 3),
        "cpu_ratio_spread": [round(ratios[0], 3), round(ratios[-1], 3)],
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--requests", type=int, default=2000, help="of one measurement")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--endpoints", type=int, default=3)
    options = parser.parse_args()
    with ExitStack() as stack:
        addresses = stack.enter_context(replicas(options.endpoints))
        rows = [case(kind, c, addresses, options.requests, options.rounds) for kind, c in CASES]
    write(rows, options)


def write(rows: list[dict[str, Any]], options: argparse.Namespace) -> None:
    """Keep the report beside the code, as JSON and as a page."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    about = {
        "commit": commit.stdout.strip(),
        "python": platform.python_version(),
        "cpu": cpu_name(),
        **vars(options),
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "against_httpx.json").write_text(json.dumps({"about": about, "rows": rows}, indent=2) + "\n")
    page = [
        "# meshlib, all default layers, against bare httpx",
        "",
        f"Commit {about['commit']}, CPython {about['python']}, {about['cpu']}.",
        f"{options.endpoints} endpoints on loopback, {options.requests} requests, {options.rounds} rounds in turn.",
        "CPU and wall time per request in µs, medians; the ratio is the median of those inside a round.",
        "",
        "| case | httpx CPU | meshlib CPU | httpx wall | meshlib wall | CPU ratio | least, greatest |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        low, high = row["cpu_ratio_spread"]
        page.append(
            f"| {row['case']} | {row['httpx_cpu_us']} | {row['meshlib_cpu_us']} | {row['httpx_wall_us']} | "
            f"{row['meshlib_wall_us']} | {row['cpu_ratio']:.2f} | {low:.2f}, {high:.2f} |"
        )
    text = "\n".join(page) + "\n"
    (RESULTS / "against_httpx.md").write_text(text)
    sys.stdout.write(text)


def cpu_name() -> str:
    """The model, as Linux tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown CPU")


if __name__ == "__main__":
    main()
