"""The curves of a run as one SVG: success of GET and of POST and the p99, second by second. Pure."""

from __future__ import annotations

import math

from meshlib.cli.demo.columns import COLUMNS, TIMEOUT
from meshlib.cli.demo.figures import Figures
from meshlib.cli.demo.panel import FAINT, Panel, line, text
from meshlib.cli.demo.record import Record
from meshlib.cli.demo.schedule import Schedule
from meshlib.cli.demo.seconds import Second, by_second
from meshlib.cli.demo.table import milliseconds

WIDTH, HEIGHT, LEFT, RIGHT = 1000, 770, 64, 24
COLOURS = {"bare": "#9aa5b1", "careful": "#e07b39", "mesh": "#1769d1"}
STROKES = {"bare": 2.0, "careful": 2.0, "mesh": 2.6}
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"


def picture(schedule: Schedule, records: dict[str, list[Record]], found: dict[str, Figures]) -> str:
    """records and found by column. A complete SVG document on a background of its own."""
    seconds = {column: by_second(told) for column, told in records.items()}
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{FONT}">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="10" fill="#ffffff"/>',
        _heading(schedule),
        _trouble_names(schedule),
        *(_success_panel(schedule, seconds, "GET", 132)),
        *(_success_panel(schedule, seconds, "POST", 292)),
        *(_latency_panel(schedule, seconds, 452)),
        _summary(found, 668),
        "</svg>\n",
    ]
    return "\n".join(parts)


def _heading(schedule: Schedule) -> str:
    title = "The same calls, the same trouble, three clients"
    fine = (
        f"{schedule.rate:g} calls a second to each column's own replicas; timeout, or meshlib's deadline, {TIMEOUT:g} s"
    )
    return text(LEFT, 38, title, size=20, weight=700) + text(LEFT, 60, fine, FAINT) + _legend(38)


def _legend(y: float) -> str:
    parts = []
    for x, (column, title) in zip((660, 768, 898), COLUMNS.items(), strict=True):
        parts.append(line([(x, y - 5), (x + 18, y - 5)], COLOURS[column], 3))
        parts.append(text(x + 25, y, title, weight=700 if column == "mesh" else 400))
    return "".join(parts)


def _trouble_names(schedule: Schedule) -> str:
    time = _panel("", schedule, 0, 0, 1)
    return "".join(
        text((time.x(t.start) + time.x(t.end)) / 2, 94, t.name, "#8a6d1d", size=12, weight=600, anchor="middle")
        for t in schedule.troubles
    )


def _success_panel(schedule: Schedule, seconds: dict[str, dict[int, Second]], method: str, top: float) -> list[str]:
    curves = {
        column: {at: s.get_success if method == "GET" else s.post_success for at, s in told.items()}
        for column, told in seconds.items()
    }
    worst = min((value for curve in curves.values() for value in curve.values()), default=1.0)
    low = min(math.floor(worst * 10) / 10, 0.9)
    panel = _panel(f"{method}: answered with success", schedule, top, low, 1.0)
    ticks = [(value, f"{value:.0%}") for value in (low, (low + 1) / 2, 1.0)]
    return _drawn(panel, schedule, ticks, curves)


def _latency_panel(schedule: Schedule, seconds: dict[str, dict[int, Second]], top: float) -> list[str]:
    curves = {column: {at: s.p99 for at, s in told.items()} for column, told in seconds.items()}
    panel = _panel("99 % of the calls took at most (logarithmic)", schedule, top, 0.02, 3.0, height=160)
    ticks = [(value, milliseconds(value)) for value in (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)]
    return [*_drawn(panel, schedule, ticks, curves), panel.time_axis(5)]


def _panel(title: str, schedule: Schedule, top: float, low: float, high: float, height: float = 110) -> Panel:
    width = WIDTH - LEFT - RIGHT
    return Panel(title, top, LEFT, width, height, schedule.seconds, low, high, logarithmic=title.startswith("99"))


def _drawn(
    panel: Panel, schedule: Schedule, ticks: list[tuple[float, str]], curves: dict[str, dict[int, float]]
) -> list[str]:
    """Bands lowest, then the grid, then the curves, meshlib's on top."""
    bands = [panel.band(trouble.start, trouble.end) for trouble in schedule.troubles]
    lines = [panel.curve(curve, COLOURS[column], STROKES[column]) for column, curve in curves.items()]
    return [*bands, panel.frame(ticks), *lines]


def _summary(found: dict[str, Figures], top: float) -> str:
    """A small table, which is the legend as well."""
    heads = ["", "GET", "POST", "p50", "p99", "p99.9", "attempts a call", "POSTs run twice"]
    places = [LEFT, 300, 390, 480, 570, 670, 800, WIDTH - RIGHT]
    parts = [text(x, top, head, FAINT, size=12, anchor="end") for x, head in zip(places[1:], heads[1:], strict=True)]
    for row, (column, f) in enumerate(found.items(), 1):
        y = top + 26 * row
        parts.append(line([(LEFT, y - 4), (LEFT + 22, y - 4)], COLOURS[column], 3))
        parts.append(text(LEFT + 32, y, COLUMNS[column], weight=700 if column == "mesh" else 400))
        parts += [text(x, y, c, anchor="end") for x, c in zip(places[1:], _cells(f), strict=True)]
    return "".join(parts)


def _cells(f: Figures) -> list[str]:
    latencies = [milliseconds(value) for value in (f.p50, f.p99, f.p999)]
    shares = [f"{f.get_success:.2%}", f"{f.post_success:.2%}"]
    return [*shares, *latencies, f"{f.attempts_per_call:.2f}", f"{f.posts_twice}"]
