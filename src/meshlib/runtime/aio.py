"""asyncio and trio, through anyio (which httpx itself stands on)."""

from __future__ import annotations

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
        woken = anyio.Event()
        unsubscribe = signal.subscribe(_threadsafe(woken.set))
        try:
            with anyio.move_on_after(timeout):
                await woken.wait()
            return signal.is_set()
        finally:
            unsubscribe()

    async def read(self, response: Any) -> None:
        await response.aread()

    async def close(self, response: Any) -> None:
        await response.aclose()


def _threadsafe(wake: Callable[[], object]) -> Callable[[], None]:
    """`wake`, callable from any thread; a loop that has ended by then has nobody left to wake."""
    if sniffio.current_async_library() == "trio":
        import trio

        soon: Callable[[Callable[[], object]], object] = trio.lowlevel.current_trio_token().run_sync_soon
        ended: type[Exception] = trio.RunFinishedError
    else:
        import asyncio

        soon, ended = asyncio.get_running_loop().call_soon_threadsafe, RuntimeError

    def call() -> None:
        try:
            soon(wake)
        except ended:
            pass

    return call
