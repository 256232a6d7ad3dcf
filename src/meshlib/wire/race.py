"""Connecting to one of several addresses on asyncio: Happy Eyeballs (RFC 8305), as httpx has it by default.

Not asyncio's own: one that is cancelled loses sockets which were connected in that moment (seen on CPython 3.11), and
uvloop has none.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from itertools import chain, zip_longest
from typing import Any

Connect = Callable[[Any], Awaitable[socket.socket]]

STAGGER = 0.25
"""Seconds between one address and the next, while the one before is still being tried (RFC 8305 section 5)."""


async def race(addresses: list[Any], connect: Connect) -> socket.socket:
    """The first socket that `connect` makes of an address, as `getaddrinfo` lists them; the others are closed.

    Raises the OSError of the last address that failed.
    """
    if len(addresses) == 1:
        return await connect(addresses[0])
    rest = _in_turn(addresses)
    tries: list[asyncio.Task[socket.socket]] = []
    won = None
    try:
        won = await _first(rest, connect, tries)
        return won.result()
    finally:
        for task in tries:
            if task is not won:
                task.cancel()
                task.add_done_callback(_close)


async def _first(
    rest: list[Any], connect: Connect, tries: list[asyncio.Task[socket.socket]]
) -> asyncio.Task[socket.socket]:
    """The first try that succeeds; the last that failed when all of them did."""
    pending: set[asyncio.Task[socket.socket]] = set()
    while True:
        if rest:
            tries.append(asyncio.ensure_future(connect(rest.pop(0))))
            pending.add(tries[-1])
        done, pending = await asyncio.wait(
            pending, timeout=STAGGER if rest else None, return_when=asyncio.FIRST_COMPLETED
        )
        for task in done:
            if task.exception() is None or not (pending or rest):
                return task


def _in_turn(addresses: list[Any]) -> list[Any]:
    """The families in turn, in the order in which the resolver named them (RFC 8305 section 4)."""
    families = {a[0]: [b for b in addresses if b[0] == a[0]] for a in addresses}
    return [a for a in chain.from_iterable(zip_longest(*families.values())) if a is not None]


def _close(task: asyncio.Task[socket.socket]) -> None:
    """A try that connected after all, when the race was over."""
    if not task.cancelled() and task.exception() is None:
        task.result().close()
