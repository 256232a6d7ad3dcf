"""`meshlib demo`: three clients against the same failing fleet, side by side."""

from __future__ import annotations

import argparse
import asyncio
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from meshlib.cli.demo.columns import COLUMNS
from meshlib.cli.demo.figures import Figures, figures, percentile
from meshlib.cli.demo.lane import HOSTS, Lane
from meshlib.cli.demo.live import LineView, TerminalView
from meshlib.cli.demo.picture import picture
from meshlib.cli.demo.run import run
from meshlib.cli.demo.schedule import FIRST_REPLICAS, Schedule
from meshlib.cli.demo.table import closing, milliseconds, table
from meshlib.cli.demo.verdict import complaints

PICTURE = Path("demo.svg")
BUSY = 0.05  # seconds a call begins after it is due; on a quiet machine 1 in 100 begins 5 ms late
DESCRIPTION = f"""Run the same calls against the same failing fleet through {", ".join(COLUMNS.values())}, and compare.
Exit status: 0, or 1 if meshlib's own column did not keep its word, or 2 if the demo could not run."""


def main(arguments: Sequence[str]) -> int:
    """Run the demo and print it; the exit status."""
    schedule = _parse(arguments)
    print(f"Starting {len(COLUMNS)} clients and {FIRST_REPLICAS} replicas for each of them ...", flush=True)
    view = (TerminalView if sys.stdout.isatty() else LineView)(sys.stdout, schedule)
    began = time.monotonic()
    try:
        lanes = asyncio.run(run(schedule, list(COLUMNS), view.draw, view.tick))
        view.draw(schedule.seconds + 2, lanes)
    except OSError as error:
        print(
            f"demo: {error}\ndemo: it needs the loopback addresses {HOSTS[0]} to {HOSTS[-1]}, which Linux has",
            file=sys.stderr,
        )
        return 2
    except RuntimeError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    finally:
        view.close()
    return _conclude(schedule, lanes, _cores(time.monotonic() - began))


def _conclude(schedule: Schedule, lanes: list[Lane], cores: float) -> int:
    found = {lane.column: figures(schedule, lane.records, lane.received, lane.executed) for lane in lanes}
    PICTURE.write_text(picture(schedule, {lane.column: lane.records for lane in lanes}, found), encoding="utf-8")
    print(table(schedule, found))
    print(f"\nThe curves: {PICTURE.resolve()}   (all processes together took {cores:.2f} of a core)")
    _warn_if_busy(lanes)
    print(closing(found))
    return _status(found)


def _warn_if_busy(lanes: list[Lane]) -> None:
    """Latencies of a starved machine are its own; the reader should know."""
    late = max(percentile(sorted(record.late for record in lane.records), 99) for lane in lanes)
    if late > BUSY:
        told = f"1 in 100 calls began more than {milliseconds(late)} late: this machine was too busy"
        print(f"{told} for these latencies to say much about the clients.")


def _status(found: dict[str, Figures]) -> int:
    wrong = complaints(found["mesh"], [f for column, f in found.items() if column != "mesh"])
    for complaint in wrong:
        print(f"meshlib did not keep its word: {complaint}", file=sys.stderr)
    return 1 if wrong else 0


def _cores(seconds: float) -> float:
    """Processor time of this process and of all that it waited for, per second of the clock."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages) / seconds


def _parse(arguments: Sequence[str]) -> Schedule:
    default = Schedule()
    parser = argparse.ArgumentParser(prog="meshlib demo", description=DESCRIPTION)
    parser.add_argument(
        "--seconds", type=_between(9, 3600), default=default.seconds, help="length of the run (default %(default)g)"
    )
    parser.add_argument(
        "--rate", type=_between(1, 1000), default=default.rate, help="calls a second and column (default %(default)g)"
    )
    parser.add_argument("--seed", type=int, default=default.seed, help="of the calls' times (default %(default)d)")
    given = parser.parse_args(arguments)
    return Schedule(given.seconds, given.rate, given.seed)


class _between:  # noqa: N801  (argparse prints the name of a type it calls)
    def __init__(self, low: float, high: float) -> None:
        self._low, self._high = low, high

    def __call__(self, text: str) -> float:
        value = float(text)
        if not self._low <= value <= self._high:
            raise argparse.ArgumentTypeError(f"{text}: must be from {self._low:g} to {self._high:g}")
        return value
