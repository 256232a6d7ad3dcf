"""CPU a request of every contender as a part of bare httpx's, one panel a case, as SVG. Pure."""

from __future__ import annotations

from typing import Any

from benchmarks.cases import CASES
from benchmarks.contenders import CONTENDERS
from benchmarks.figures import Figure, Results
from meshlib.cli.demo.panel import FAINT, GRID, INK, line, text

PANELS = (
    ("async-c1-e3", "async-c1-e64"),
    ("async-c10-e3", "async-c10-e64"),
    ("async-c100-e3", "async-c100-e64"),
    ("sync-t1", "sync-t10"),
    ("slow-c100",),
)
WIDTH, TOP, BAR, HEAD, GAP = 1040, 112, 19, 40, 24  # px
LABEL, LENGTH, COLUMN = 176, 250, 510  # px: room for names, of a full bar, from panel to panel
LIMIT = 2.0  # a bar ends here, its figure does not
OURS, OTHERS, BASE = "#1769d1", "#b6c2cf", "#6b7785"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"


def chart(about: dict[str, Any], results: Results) -> str:
    """A complete document on a background of its own. Cases that were not measured leave no gap."""
    rows = [
        measured for row in PANELS if (measured := [name for name in row if "httpx" in results.cases.get(name, {})])
    ]
    parts, y = [], float(TOP)
    for row in rows:
        parts += [_panel(name, results, 24 + COLUMN * n, y) for n, name in enumerate(row)]
        y += HEAD + GAP + BAR * max(len(results.cases[name]) for name in row)
    size = f'viewBox="0 0 {WIDTH} {y:g}" width="{WIDTH}" height="{y:g}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{FONT}">',
            f'<rect width="{WIDTH}" height="{y:g}" rx="10" fill="#ffffff"/>',
            _heading(about),
            *parts,
            "</svg>\n",
        ]
    )


def _heading(about: dict[str, Any]) -> str:
    fine = f"median of the ratios inside a round, {about['rounds']} rounds, line from least to greatest; less is better"
    made = f"commit {about['commit']}, {about['date']}, {about['python']}, {about['cpu']}"
    return (
        text(24, 38, "CPU time a request, as a part of bare httpx's", size=20, weight=700)
        + text(24, 60, fine, FAINT)
        + text(24, 80, made, FAINT)
    )


def _panel(case: str, results: Results, left: float, top: float) -> str:
    """Name, axis and a bar for each contender."""
    names = list(results.cases[case])
    start, below = left + LABEL, top + HEAD + BAR * len(names)
    parts = [text(left, top + 14, CASES[case].title, size=14, weight=600)]
    for tick in (0.5, 1.0, 1.5, 2.0):
        at = start + LENGTH * tick / LIMIT
        parts.append(line([(at, top + HEAD - 4), (at, below)], BASE if tick == 1.0 else GRID, 1))
        parts.append(text(at, top + HEAD - 8, f"{tick:g}", FAINT, size=10, anchor="middle"))
    for n, name in enumerate(names):
        found = results.ratio(case, name, "httpx")
        parts.append(_bar(name, found, left, top + HEAD + BAR * n) if found else "")
    return "".join(parts)


def _bar(name: str, found: Figure, left: float, top: float) -> str:
    """The bar, its spread, and its figure at the end of both."""
    ours = name in ("mesh", "mesh2")
    start, middle = left + LABEL, top + BAR / 2
    value, low, high = (start + LENGTH * min(at, LIMIT) / LIMIT for at in (found.value, found.low, found.high))
    weight = 700 if ours else 400
    colour = OURS if ours else BASE if name == "httpx" else OTHERS
    return (
        text(start - 8, middle + 4, CONTENDERS[name].title, INK, size=12, weight=weight, anchor="end")
        + f'<rect x="{start:g}" y="{top + 3:g}" width="{value - start:.1f}" height="{BAR - 6}" rx="2" fill="{colour}"/>'
        + (line([(low, middle), (high, middle)], INK, 1) if high - low > 1 else "")
        + f'<rect x="{max(value, high) + 4:.1f}" y="{top + 3:g}" width="30" height="{BAR - 6}" fill="#ffffff"/>'
        + text(max(value, high) + 6, middle + 4, f"{found.value:.2f}", INK, size=12, weight=weight)
    )
