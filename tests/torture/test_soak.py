"""The storms in full, both sides, several seeds: `make soak`. What came out is written to benchmarks/results/soak.md.

SOAK_SEEDS says how many seeds each storm is played with (3), the first of them TEST_SEED.
"""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import SEED
from tests.torture.stage import Stage
from tests.torture.storms import PROBES, Tally
from tests.torture.weather import KINDS, ON_TRIO, SIDES, Kind, play

pytestmark = [pytest.mark.soak, pytest.mark.realtime]
RESULT = Path(__file__).parents[2] / "benchmarks" / "results" / "soak.md"
SEEDS = [SEED + number for number in range(int(os.environ.get("SOAK_SEEDS", "3")))]
CASES = [(kind, side, "asyncio") for kind in KINDS for side in SIDES]
CASES += [(ON_TRIO, side, "trio") for side in SIDES[1:]]


COLUMNS = ["storm", "client", "loop", "calls", "leaked", "gauges not 0", "wrong bodies"]
COLUMNS += ["errors httpx does not have", "answered afterwards", "how calls ended", "s", "seed"]


class Report:
    """One row for each storm."""

    def __init__(self) -> None:
        self.rows: list[str] = []

    def add(self, kind: Kind, side: str, library: str, seed: int, tally: Tally, seconds: float) -> None:
        ended = ", ".join(f"{count} {name}" for name, count in sorted(tally.outcomes.items()))
        cells = [kind, side, library, kind.full, tally.leaked, len(tally.left), tally.wrong, tally.foreign]
        cells += [f"{tally.answered} of {PROBES} in {tally.seconds * 1000:.0f} ms", ended, f"{seconds:.0f}", seed]
        self.rows.append(f"| {' | '.join(map(str, cells))} |")

    def write(self) -> None:
        head, rule = f"| {' | '.join(COLUMNS)} |", f"|{'---|' * len(COLUMNS)}"
        RESULT.write_text("\n".join([*_preface(), "", head, rule, *sorted(self.rows), ""]))


def _preface() -> list[str]:
    git = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    today = time.strftime("%Y-%m-%d", time.gmtime())
    return [
        "# Soak",
        "",
        "`make soak` plays every storm in full (`tests/torture/storms.py`). A pool has 10 connections,",
        f"and {PROBES} requests come at once when the storm is over. The client `httpx` is the other side, bare httpx.",
        "A `service` has an endpoint and all default layers, else the host is one that nobody configured.",
        "",
        f"Commit {git.stdout.strip() or 'unknown'}, Python {platform.python_version()}, {today}.",
    ]


@pytest.fixture(scope="module")
def report() -> Iterator[Report]:
    collected = Report()
    yield collected
    collected.write()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("kind", "side", "library"), CASES, ids=str)
def test_in_full(kind: Kind, side: str, library: str, seed: int, stage: Stage, report: Report) -> None:
    began = time.monotonic()
    tally = play(kind, side, kind.full, seed, stage, library)
    report.add(kind, side, library, seed, tally, time.monotonic() - began)
    if side != "httpx":
        assert tally.clean, tally
    elif kind.dies_at is not None:
        assert not tally.clean, "the storm proves nothing"
