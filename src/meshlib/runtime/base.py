"""What a layer may wait for besides `inner`: the runtime. Three of them run the same layers (sync, aio, virtual)."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from meshlib.runtime.signal import Signal


class Runtime(Protocol):
    """Clock, randomness and every wait of a layer. All times are seconds."""

    rng: Random

    def now(self) -> float:
        """Monotonic seconds: the clock of every deadline, window and lease."""

    def wall_now(self) -> float:
        """Seconds since the epoch, for dates in headers only."""

    async def sleep(self, seconds: float) -> None:
        """Wait; the caller has made sure that the deadline allows it."""

    async def wait(self, signal: Signal, timeout: float | None) -> bool:
        """Wait until `signal` is set (True) or `timeout` seconds have passed (False)."""

    async def read(self, response: Any) -> None:
        """Read the whole body of a response into memory."""

    async def close(self, response: Any) -> None:
        """Close a response that will not be returned."""
