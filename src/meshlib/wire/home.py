"""The pools of one event loop. Sockets of asyncio and trio belong to their loop, and end with it.

An async generator that waits in a loop is closed by that loop before the loop closes (PEP 525): that is how a client
that outlives its loop, as with several `asyncio.run` in turn, closes its connections in time and without noise. A sync
client has one home, which ends with the client.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import sniffio

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from meshlib.call import Attempt
    from meshlib.wire.pool import Pool
    from meshlib.wire.slots import Slots, Ticket

Key = tuple[Any, ...]


class Home:
    """`pools` by what must never be mixed up; `stock` are httpcore's beside them, for classes that were patched.

    `waiting` and `dialling` are the attempts that have no connection yet: they are in no pool's books, and the garbage
    collector may never find them (anyio keeps a task that is in one of its scopes).
    """

    __slots__ = ("dialling", "guard", "loop", "pools", "stock", "waiting")

    def __init__(self, loop: Any) -> None:
        self.loop = loop
        self.pools: dict[Key, Pool] = {}
        self.stock: dict[Key, Any] = {}
        self.waiting: dict[Ticket, Attempt | None] = {}
        self.dialling: dict[object, tuple[Pool, Attempt | None]] = {}
        self.guard: AsyncGenerator[None, None] | None = None

    def is_over(self) -> bool:
        """Whether its loop has been closed, without closing generators first."""
        return isinstance(self.loop, asyncio.AbstractEventLoop) and self.loop.is_closed()


def running() -> Any:
    """The loop that runs here: an asyncio loop, or the token of a run of trio."""
    if sniffio.thread_local.name is None:
        return asyncio.get_running_loop()
    import trio

    return trio.lowlevel.current_trio_token()


async def until_the_loop_ends(home: Home, homes: dict[Any, Home], slots: Slots) -> AsyncGenerator[None, None]:
    """Started once and never resumed, but closed by the loop at its end."""
    try:
        yield
    finally:
        if homes.get(home.loop) is home:
            del homes[home.loop]
        slots.close(home)
