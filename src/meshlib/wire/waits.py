"""Waiting in an asyncio stream: one Future for each suspension, and one timer for the whole connection.

A timer of its own for each operation costs more than the operation. Nearly every wait ends long before its bound, and
the next one's bound is later: so the timer is armed anew only when it rings, or when a bound is earlier than its ring.
"""

from __future__ import annotations

import asyncio
from typing import Any

from meshlib.runtime.clock import now


class Alarm:
    """The one timer of a connection. It wakes the sides whose time is up."""

    __slots__ = ("_at", "_handle", "loop", "sides")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.sides: list[Side] = []
        self._handle: asyncio.TimerHandle | None = None
        self._at = 0.0

    def ring_in(self, left: float) -> float:
        """Ring in `left` seconds at the latest; returns that point in time (monotonic seconds)."""
        at = now() + left
        if self._handle is None:
            self._handle, self._at = self.loop.call_later(left, self._ring), at
        elif at < self._at:
            self._handle.cancel()
            self._handle, self._at = self.loop.call_later(left, self._ring), at
        return at

    def stop(self) -> None:
        """An ended connection has no timer."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _ring(self) -> None:
        self._handle = None
        at = now()
        for side in self.sides:
            until = side.until()
            if until is not None and until <= at:
                side.time_out()
            elif until is not None:
                self.ring_in(until - at)


class Side:
    """One direction of a connection: who waits for it, and until when. `timeout` is what is raised when time is up."""

    __slots__ = ("_alarm", "_future", "_timeout", "_until")

    def __init__(self, alarm: Alarm, timeout: type[Exception]) -> None:
        self._alarm = alarm
        self._timeout = timeout
        self._future: asyncio.Future[Exception | None] | None = None
        self._until: float | None = None
        alarm.sides.append(self)

    async def wait(self, left: float | None) -> None:
        """Wait to be woken, for `left` seconds at most (None: for ever).

        Raises what it is woken with, and RuntimeError when another task waits already.
        """
        if self._future is not None:
            raise RuntimeError("two tasks use one direction of a connection at the same time")
        future: asyncio.Future[Any] = self._alarm.loop.create_future()
        self._future = future
        self._until = None if left is None else self._alarm.ring_in(left)
        try:
            error = await future
        finally:
            self._future = None
        if error is not None:
            raise error

    def wake(self, error: Exception | None = None) -> bool:
        """End the wait, with `error` if there is one; False when nobody waits."""
        if self._future is None:
            return False
        if not self._future.done():  # cancelled, or woken already and not yet resumed
            self._future.set_result(error)
        return True

    def until(self) -> float | None:
        """When the present wait ends at the latest; None when nobody waits, or without end."""
        return None if self._future is None else self._until

    def time_out(self) -> None:
        self.wake(self._timeout("the time for it is up"))
