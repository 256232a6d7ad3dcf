"""asyncio and trio. What is one future in asyncio is waited for without anyio, which httpx itself stands on.

anyio keeps a task that is inside one of its scopes for as long as the process lives, if the task's loop dies first
(`_task_states` is keyed by the task weakly, and its value holds the scope, which holds the task).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import anyio
import sniffio

from meshlib.runtime.dice import dice

if TYPE_CHECKING:
    from meshlib.runtime.signal import Signal


class AioRuntime:
    """The runtime of `AsyncClient`; one object serves every event loop of the process."""

    def __init__(self) -> None:
        self.rng = dice
        self.now = time.monotonic
        self.wall_now = time.time

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)

    async def wait(self, signal: Signal, timeout: float | None) -> bool:
        if sniffio.current_async_library() == "trio":
            return await _wait_in_trio(signal, timeout)
        return await wait_in_asyncio(signal, timeout)

    async def read(self, response: Any) -> None:
        await response.aread()

    async def close(self, response: Any) -> None:
        await response.aclose()


async def wait_in_asyncio(signal: Signal, timeout: float | None) -> bool:
    """Wait until `signal` is set (True) or `timeout` seconds have passed (False)."""
    loop = asyncio.get_running_loop()
    woken: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not woken.done():
            woken.set_result(None)

    unsubscribe = signal.subscribe(_threadsafe(loop.call_soon_threadsafe, wake, RuntimeError))
    timer = None if timeout is None else loop.call_later(timeout, wake)
    try:
        await woken
        return signal.is_set()
    finally:
        unsubscribe()
        if timer is not None:
            timer.cancel()


async def _wait_in_trio(signal: Signal, timeout: float | None) -> bool:
    import trio

    woken = trio.Event()
    soon = trio.lowlevel.current_trio_token().run_sync_soon
    unsubscribe = signal.subscribe(_threadsafe(soon, woken.set, trio.RunFinishedError))
    try:
        with anyio.move_on_after(timeout):
            await woken.wait()
        return signal.is_set()
    finally:
        unsubscribe()


def _threadsafe(
    soon: Callable[[Callable[[], object]], object], wake: Callable[[], object], ended: type[Exception]
) -> Callable[[], None]:
    """`wake`, callable from any thread; a loop that has ended by then has nobody left to wake."""

    def call() -> None:
        try:
            soon(wake)
        except ended:
            pass

    return call
