"""The table and the closing sentence. Pure."""

from __future__ import annotations

from collections.abc import Callable

from meshlib.cli.demo.columns import COLUMNS
from meshlib.cli.demo.figures import Figures
from meshlib.cli.demo.schedule import Schedule

LABEL, CELL = 30, 16


def table(schedule: Schedule, found: dict[str, Figures]) -> str:
    """found: figures by column. Text of a fixed width, one row per figure."""
    rows = [_row("", [COLUMNS[column] for column in found])]
    rows.append("-" * (LABEL + CELL * len(found)))
    rows += [_row(label, [cell(figures) for figures in found.values()]) for label, cell in CELLS]
    rows += [
        _row(f"recovered from: {trouble.name}", [f"{figures.recover[number]:.1f} s" for figures in found.values()])
        for number, trouble in enumerate(schedule.troubles)
    ]
    return "\n".join(rows)


CELLS: tuple[tuple[str, Callable[[Figures], str]], ...] = (
    ("calls during the trouble", lambda f: f"{f.calls}"),
    ("GET success", lambda f: f"{f.get_success:.2%}"),
    ("POST success", lambda f: f"{f.post_success:.2%}"),
    ("p50", lambda f: milliseconds(f.p50)),
    ("p99", lambda f: milliseconds(f.p99)),
    ("p99.9", lambda f: milliseconds(f.p999)),
    ("attempts per call", lambda f: f"{f.attempts_per_call:.3f}"),
    ("POSTs executed twice", lambda f: f"{f.posts_twice}"),
)


def closing(found: dict[str, Figures]) -> str:
    """One sentence with the figures that count, meshlib's first."""
    mesh = found["mesh"]
    first = (
        f"meshlib answered {mesh.get_success:.2%} of the GETs and {mesh.post_success:.2%} of the POSTs, "
        f"99 % of all calls within {milliseconds(mesh.p99)}"
    )
    others = [
        f"{COLUMNS[column]} {f.get_success:.2%}, {f.post_success:.2%} and {milliseconds(f.p99)}"
        for column, f in reversed(found.items())
        if column != "mesh"
    ]
    twice = f"{mesh.posts_twice} POSTs" if mesh.posts_twice else "no POST"
    last = f"meshlib made {mesh.attempts_per_call:.2f} attempts a call and ran {twice} twice."
    return "; ".join([first, *others, last])


def milliseconds(seconds: float) -> str:
    """A latency as it is shown."""
    return f"{seconds * 1000:.0f} ms"


def _row(label: str, cells: list[str]) -> str:
    return f"{label:<{LABEL}}" + "".join(f"{cell:>{CELL}}" for cell in cells)
