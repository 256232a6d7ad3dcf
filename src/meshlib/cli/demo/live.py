"""What is seen while the demo runs: a view redrawn in place on a terminal, a line per second anywhere else."""

from __future__ import annotations

import math
import os
from typing import TextIO

from meshlib.cli.demo.columns import COLUMNS
from meshlib.cli.demo.lane import Lane
from meshlib.cli.demo.schedule import Schedule
from meshlib.cli.demo.seconds import Second, by_second

GREEN, YELLOW, RED, BOLD, PLAIN = "\x1b[32m", "\x1b[33m", "\x1b[31m", "\x1b[1m", "\x1b[0m"
BLOCKS = "▁▂▃▄▅▆▇█"
FLOOR, CEILING = 0.02, 1.0  # seconds: the latencies that the lowest and the highest block stand for
LABEL, FIGURES = 16, 22  # columns of text beside the strip


class LineView:
    """One line per second, for logs and pipes."""

    tick = 1.0

    def __init__(self, out: TextIO, schedule: Schedule) -> None:
        self._out, self._schedule = out, schedule
        self._next = 0  # the second to be told next
        self._news = ""

    def draw(self, now: float, lanes: list[Lane]) -> None:
        """Tell how the calls of each second went, once the next second has passed too: most have ended by then."""
        if self._next == 0 and now >= 2:
            self._out.write(" second" + "".join(f"{COLUMNS[lane.column]:>22}" for lane in lanes) + "\n")
        while self._next + 2 <= now and self._next < self._schedule.seconds:
            self._tell(self._next, lanes)
            self._next += 1
        self._out.flush()

    def close(self) -> None:
        """Nothing to put back."""

    def _tell(self, second: int, lanes: list[Lane]) -> None:
        news = self._schedule.news(second)
        if news != self._news:
            self._out.write(f"{'':7}  {news}\n")
            self._news = news
        shown = (_figures(by_second(lane.records).get(second)) for lane in lanes)
        self._out.write(f"{second:>7}" + "".join(f"{figures:>22}" for figures in shown) + "\n")


class TerminalView:
    """Redrawn in place, four times a second."""

    tick = 0.25

    def __init__(self, out: TextIO, schedule: Schedule) -> None:
        self._out, self._schedule = out, schedule
        self._height = 0
        out.write("\x1b[?25l")  # hide the cursor

    def draw(self, now: float, lanes: list[Lane]) -> None:
        """Draw over what was drawn before."""
        width = os.get_terminal_size(self._out.fileno()).columns - LABEL - FIGURES - 2
        lines = board(now, self._schedule, lanes, max(width, 10))
        up = f"\x1b[{self._height}F" if self._height else ""
        self._out.write(up + "".join(f"\x1b[2K{line}\n" for line in lines))
        self._out.flush()
        self._height = len(lines)

    def close(self) -> None:
        """Show the cursor again."""
        self._out.write("\x1b[?25h\n")
        self._out.flush()


def board(now: float, schedule: Schedule, lanes: list[Lane], width: int) -> list[str]:
    """The view's lines. width: seconds shown, the newest ones if there are more."""
    elapsed = min(now, schedule.seconds)
    lines = [
        f"{BOLD}{elapsed:3.0f} s of {schedule.seconds:.0f}{PLAIN}   {schedule.rate:g} calls a second in each column",
        f"{YELLOW}{schedule.news(elapsed)}{PLAIN}",
        "",
    ]
    for lane in lanes:
        seconds = by_second(lane.records)
        lines += _strips(lane, seconds, math.floor(elapsed), width)
    return lines


def _strips(lane: Lane, seconds: dict[int, Second], now: int, width: int) -> list[str]:
    shown = [seconds.get(second) for second in range(max(0, now - width), now)]
    good = "".join(_success_block(second) for second in shown)
    slow = "".join(_latency_block(second) for second in shown)
    room = " " * (width - len(shown))
    newest = seconds.get(now - 2)
    return [
        f"{BOLD}{COLUMNS[lane.column]:<{LABEL - 8}.{LABEL}}{PLAIN}".ljust(LABEL + len(BOLD + PLAIN)),
        f"{'  success':<{LABEL}}{good}{room}  {_share(newest)}",
        f"{'  p99':<{LABEL}}{slow}{room}  {_delay(newest)}",
        "",
    ]


def _success_block(second: Second | None) -> str:
    if second is None:
        return " "
    colour = GREEN if second.success >= 0.999 else YELLOW if second.success >= 0.95 else RED
    return f"{colour}{BLOCKS[_level(second.success, 0.7, 1.0)]}{PLAIN}"


def _latency_block(second: Second | None) -> str:
    if second is None:
        return " "
    colour = GREEN if second.p99 < 0.1 else YELLOW if second.p99 < 0.5 else RED
    return f"{colour}{BLOCKS[_level(math.log(second.p99), math.log(FLOOR), math.log(CEILING))]}{PLAIN}"


def _level(value: float, low: float, high: float) -> int:
    share = min(max((value - low) / (high - low), 0.0), 1.0)
    return round(share * (len(BLOCKS) - 1))


def _share(second: Second | None) -> str:
    return "" if second is None else f"{second.success:7.2%} success"


def _delay(second: Second | None) -> str:
    return "" if second is None else f"{second.p99 * 1000:7.0f} ms p99"


def _figures(second: Second | None) -> str:
    return "-" if second is None else f"{second.success:.1%} {second.p99 * 1000:6.0f} ms"
