"""The runtime of the control loop: asyncio and nothing else.

anyio, which clients wait through, imports its parts when they are first used. In a background thread that is a trap: a
process that forks in that moment gets a child with half-imported modules. asyncio is complete once it is imported.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from meshlib.runtime.aio import AioRuntime, wait_in_asyncio

if TYPE_CHECKING:
    from meshlib.runtime.signal import Signal


class ControlRuntime(AioRuntime):
    """Clock, randomness and waits of the control loop's tasks."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def wait(self, signal: Signal, timeout: float | None) -> bool:
        return await wait_in_asyncio(signal, timeout)
