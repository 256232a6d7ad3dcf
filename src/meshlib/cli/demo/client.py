"""The client process of one column: makes each call when it is due and tells how it ended.

It says `ready` when it could begin, reads the start (on the machine's monotonic clock, which all processes share) from
its input, and ends after the last call, or with its input, so that it never outlives the demo.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

import httpx

from meshlib.cli.demo.columns import COLUMNS, Column, Tries, open_column
from meshlib.cli.demo.record import Record
from meshlib.cli.demo.schedule import Arrival, Schedule


async def make_call(column: Column, arrival: Arrival, start: float) -> Record:
    """Make the call now; its time counts from when it was due, so that a late start is not hidden."""
    loop, tries = asyncio.get_running_loop(), Tries()
    late = loop.time() - start - arrival.due
    try:
        response = await column.call(arrival.method, {"X-Request-Id": arrival.id}, tries)
        ok, outcome = response.is_success, str(response.status_code)
    except httpx.HTTPError as error:
        ok, outcome = False, type(error).__name__
    seconds = loop.time() - start - arrival.due
    return Record(arrival.due, arrival.method, ok, seconds, tries.count, outcome, late)


async def make_calls(column: Column, arrivals: list[Arrival], start: float) -> None:
    """Open loop: each call is a task of its own, started when it is due."""

    async def told(arrival: Arrival) -> None:
        record = await make_call(column, arrival, start)
        sys.stdout.write(record.to_line() + "\n")
        sys.stdout.flush()

    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as calls:
        for arrival in arrivals:
            await asyncio.sleep(start + arrival.due - loop.time())
            calls.create_task(told(arrival))


async def run(column: str, port: int, dns_port: int, schedule: Schedule) -> None:
    """Serve one column until its calls are done or the input ends."""
    commands = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    arrivals = schedule.arrivals()
    async with open_column(column, port, dns_port) as opened:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        start = float(await commands.readline() or "nan")
        calls = asyncio.create_task(make_calls(opened, arrivals, start))
        orphaned = asyncio.create_task(commands.read())
        await asyncio.wait((calls, orphaned), return_when=asyncio.FIRST_COMPLETED)
        if orphaned.done():
            calls.cancel()
        orphaned.cancel()
        await calls


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(description="One column's client of the demo.")
    parser.add_argument("--column", choices=COLUMNS, required=True)
    for name in ("port", "dns-port", "seed"):
        parser.add_argument(f"--{name}", type=int, required=True)
    for name in ("seconds", "rate"):
        parser.add_argument(f"--{name}", type=float, required=True)
    given = parser.parse_args()
    schedule = Schedule(given.seconds, given.rate, given.seed)
    asyncio.run(run(given.column, given.port, given.dns_port, schedule))


if __name__ == "__main__":
    main()
