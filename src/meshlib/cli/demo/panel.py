"""One panel of the picture: axes, bands and lines as SVG text. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

INK, FAINT, GRID, BAND = "#1f2933", "#6b7785", "#e4e8ec", "#f4f1e8"


@dataclass(frozen=True, slots=True)
class Panel:
    """A rectangle of the picture in which seconds run to the right and values upwards.

    top, left, width, height: in pixels. until: the last second. low, high: the values at the bottom and the top.
    logarithmic: whether equal ratios take equal heights.
    """

    title: str
    top: float
    left: float
    width: float
    height: float
    until: float
    low: float
    high: float
    logarithmic: bool = False

    def x(self, second: float) -> float:
        """Where this second lies."""
        return self.left + self.width * second / self.until

    def y(self, value: float) -> float:
        """Where this value lies; what is outside the range lies on its edge."""
        low, high, at = self.low, self.high, min(max(value, self.low), self.high)
        if self.logarithmic:
            low, high, at = math.log(low), math.log(high), math.log(at)
        return self.top + self.height * (high - at) / (high - low)

    def frame(self, ticks: Iterable[tuple[float, str]]) -> str:
        """Title, horizontal grid and its labels."""
        parts = [text(self.left, self.top - 10, self.title, weight=600)]
        for value, label in ticks:
            y = self.y(value)
            parts.append(line([(self.left, y), (self.left + self.width, y)], GRID, 1))
            parts.append(text(self.left - 8, y + 4, label, FAINT, anchor="end", size=11))
        return "".join(parts)

    def band(self, start: float, end: float) -> str:
        """A shaded stretch of time."""
        x, width = self.x(start), self.x(end) - self.x(start)
        return f'<rect x="{x:.1f}" y="{self.top:.1f}" width="{width:.1f}" height="{self.height:.1f}" fill="{BAND}"/>'

    def curve(self, values: dict[int, float], colour: str, width: float) -> str:
        """A line through each second's value, in the middle of the second; broken where a second has none."""
        runs: list[list[tuple[float, float]]] = [[]]
        for second in range(math.ceil(self.until)):
            if second in values:
                runs[-1].append((self.x(min(second + 0.5, self.until)), self.y(values[second])))
            elif runs[-1]:
                runs.append([])
        return "".join(line(run, colour, width) for run in runs if len(run) > 1)

    def time_axis(self, step: int) -> str:
        """The seconds below the panel."""
        marks = range(0, math.floor(self.until) + 1, step)
        below = self.top + self.height + 18
        return "".join(text(self.x(s), below, f"{s} s", FAINT, anchor="middle", size=11) for s in marks)


def line(points: list[tuple[float, float]], colour: str, width: float) -> str:
    """A polyline with round joints."""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return (
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width:g}" '
        'stroke-linejoin="round" stroke-linecap="round"/>'
    )


def text(
    x: float, y: float, words: str, colour: str = INK, *, size: int = 13, weight: int = 400, anchor: str = "start"
) -> str:
    """A line of text; `anchor` is SVG's start, middle or end."""
    style = f'font-size="{size}" font-weight="{weight}" text-anchor="{anchor}" fill="{colour}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(words)}</text>'
