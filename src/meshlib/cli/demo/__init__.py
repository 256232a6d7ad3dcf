"""The demo: bare httpx, careful httpx and meshlib meet the same trouble at the same time.

The story is `schedule.py`, the three clients are in `columns/`, the real processes in `run.py`, `lane.py` and
`process.py`; `figures.py`, `recovery.py` and `verdict.py` compute what `live.py`, `table.py` and `picture.py` show.
"""

from __future__ import annotations

from collections.abc import Sequence


def main(argv: Sequence[str]) -> int:
    """`meshlib demo`: run it; the exit status."""
    # Late, because the demo's own processes are modules of this package and should start fast.
    from meshlib.cli.demo.command import main as command

    return command(argv)
