"""Runs the story with real processes: the lanes side by side, so that what disturbs the machine disturbs all alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager

from meshlib.cli.demo.columns import SERVICE
from meshlib.cli.demo.lane import HOSTS, Lane
from meshlib.cli.demo.schedule import Schedule
from meshlib.testing.dns import DnsServer
from meshlib.testing.server.fleet import reserved_port

TTL = 5  # seconds: how long a DNS answer may be kept, by all columns
LEAD = 0.5  # seconds between the order to begin and the beginning


async def run(
    schedule: Schedule, columns: list[str], on_time: Callable[[float, list[Lane]], None], tick: float
) -> list[Lane]:
    """Run the whole schedule. `on_time` is called every `tick` seconds with the time and the lanes.

    Raises OSError where the loopback addresses do not exist, RuntimeError if a process breaks down.
    """
    async with DnsServer() as dns:
        _announce(dns, schedule, 0.0)
        async with _lanes(schedule, columns, dns.port) as lanes:
            start = asyncio.get_running_loop().time() + LEAD
            for lane in lanes:
                lane.go(start)
            director = asyncio.create_task(_direct(schedule, lanes, dns, start))
            viewer = asyncio.create_task(_view(lanes, on_time, start, tick))
            try:
                await asyncio.gather(*(lane.finished() for lane in lanes))
                await director
            finally:
                director.cancel()
                viewer.cancel()
            return lanes


@asynccontextmanager
async def _lanes(schedule: Schedule, columns: list[str], dns_port: int) -> AsyncIterator[list[Lane]]:
    with ExitStack() as ports:
        lanes = [Lane(column, ports.enter_context(reserved_port(HOSTS)), schedule) for column in columns]
        try:
            await asyncio.gather(*(_open(lane, schedule, dns_port) for lane in lanes))
            yield lanes
        finally:
            await asyncio.gather(*(lane.stop() for lane in lanes))


async def _open(lane: Lane, schedule: Schedule, dns_port: int) -> None:
    replicas = (lane.set_mode(replica, schedule.mode(replica, 0.0)) for replica in range(len(HOSTS)))
    await asyncio.gather(*replicas, lane.start_client(dns_port))


async def _direct(schedule: Schedule, lanes: list[Lane], dns: DnsServer, start: float) -> None:
    """Make every change when it is due, in all lanes; a replica that joins is announced once it listens."""
    for change in schedule.changes():
        await asyncio.sleep(start + change.at - asyncio.get_running_loop().time())
        await asyncio.gather(*(lane.set_mode(change.replica, change.mode) for lane in lanes))
        _announce(dns, schedule, change.at)


def _announce(dns: DnsServer, schedule: Schedule, at: float) -> None:
    dns.set(SERVICE, "A", [HOSTS[replica] for replica in schedule.announced(at)], ttl=TTL)


async def _view(lanes: list[Lane], on_time: Callable[[float, list[Lane]], None], start: float, tick: float) -> None:
    ticks = 1
    while True:
        await asyncio.sleep(start + ticks * tick - asyncio.get_running_loop().time())
        on_time(ticks * tick, lanes)
        ticks += 1
