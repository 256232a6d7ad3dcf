"""Replicas that are replaced one after another, as a rolling deployment does it: drained, stopped, started anew."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from meshlib.testing.loopthread import LoopThread
from meshlib.testing.server.aio import AsyncFaultServer
from meshlib.testing.server.fleet import reserved_port
from meshlib.testing.server.mode import Mode

ANSWERS = Mode.ok(delay=0.002)
GRACE, POLL = 5.0, 0.005
"""Seconds that connections get to end by themselves, and between two looks whether they have."""


class Replica(AsyncFaultServer):
    """One that can go without breaking a request."""

    async def drain(self, close: str) -> None:
        """Accept nothing any more and let every connection end with its next answer, `announced` or `silent`.

        Returns when all have ended.
        """
        listening, self._listening = self._listening, None
        assert listening is not None
        await self._accept_no_more(listening)
        listening.close()
        self.mode = ANSWERS.replace(close=close)
        until = asyncio.get_running_loop().time() + GRACE
        while self._open and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(POLL)

    async def replace(self, close: str, down: float) -> None:
        """Drain, be down for `down` seconds, and be there again."""
        await self.drain(close)
        await self.stop()
        await asyncio.sleep(down)
        self.mode = ANSWERS
        await self.start()


class Replicas:
    """Running replicas, on one port of several addresses."""

    def __init__(self, thread: LoopThread, servers: list[Replica]) -> None:
        self._thread = thread
        self.servers = servers

    @property
    def addresses(self) -> list[str]:
        return [server.address for server in self.servers]

    def roll(self, close: str, down: float) -> None:
        """Replace each, one after another."""
        for server in self.servers:
            self._thread.run(server.replace(close, down))


@contextmanager
def replicas(size: int) -> Iterator[Replicas]:
    """`size` replicas on 127.0.0.2 and the addresses after it."""
    hosts = [f"127.0.0.{2 + number}" for number in range(size)]
    with ExitStack() as stack:
        port = stack.enter_context(reserved_port(hosts))
        thread = stack.enter_context(LoopThread())
        servers = [Replica(host, port, mode=ANSWERS) for host in hosts]
        for server in servers:
            thread.run(server.start())
            stack.callback(_stop, thread, server)
        yield Replicas(thread, servers)


def _stop(thread: LoopThread, server: Replica) -> None:
    thread.run(server.stop())
