"""Virtual time: the third runtime. The shipped layers run in it unchanged, deterministically, and never sleep.

When every task waits, time jumps to the next timer (the idea of trio's MockClock with autojump). Tasks run in the order
in which they became ready, all randomness comes from one seeded generator: the same seed gives the same run.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextvars import copy_context
from random import Random
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from meshlib.runtime.signal import Signal

T = TypeVar("T")


class Deadlock(RuntimeError):
    """Every task waits, and no timer is left that could wake one."""


class _Suspend:
    """What a task yields to the scheduler; it runs again when somebody makes it ready."""

    def __await__(self) -> Generator[_Suspend, None, None]:
        yield self


class Task(Generic[T]):
    """A coroutine that runs beside others in virtual time. `turn` counts its steps; a waker is good for one turn."""

    def __init__(self, runtime: VirtualRuntime, coro: Coroutine[Any, Any, T]) -> None:
        self._runtime = runtime
        self._coro = coro
        self._context = copy_context()
        self._waiters: list[Callable[[], None]] = []
        self.turn = 0
        self._thrown: BaseException | None = None
        self.done = False
        self.error: BaseException | None = None
        self.value: T | None = None

    def result(self) -> T:
        """What the coroutine returned; raises what it raised."""
        if not self.done:
            raise Deadlock("the task has not ended")
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[return-value]  # None only where T is None

    def cancel(self, error: BaseException) -> None:
        """Raise `error` where the task waits, as an event loop does when it cancels."""
        self._thrown = error
        self._runtime.ready(self, self.turn)

    def waker(self) -> Callable[[], None]:
        """What ends the wait that this task, which runs now, is about to begin; it does nothing to any later wait."""
        turn = self.turn
        return lambda: self._runtime.ready(self, turn)

    async def wait(self) -> T:
        """Wait in another task until this one has ended."""
        if not self.done:
            self._waiters.append(self._runtime.current.waker())
            await _Suspend()
        return self.result()

    def step(self) -> None:
        """Run until the next wait. Called by the scheduler."""
        self.turn += 1
        try:
            if self._thrown is not None:
                thrown, self._thrown = self._thrown, None
                self._context.run(self._coro.throw, thrown)
            else:
                self._context.run(self._coro.send, None)
        except StopIteration as stop:
            self.value = stop.value
        except BaseException as exc:  # noqa: BLE001 - kept for result(), as every task does
            self.error = exc
        else:
            return
        self.done = True
        for wake in self._waiters:
            wake()


class VirtualRuntime:
    """Clock, scheduler and randomness of a simulation.

    Args: `seed` of all randomness; `start` is the first value of `now()` in seconds.
    """

    def __init__(self, seed: int = 0, start: float = 0.0) -> None:
        self.rng = Random(seed)
        self.current: Task[Any]
        self._now = start
        self._ready: deque[tuple[Task[Any], int]] = deque()
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._sequence = 0

    def now(self) -> float:
        return self._now

    def wall_now(self) -> float:
        return 1_700_000_000.0 + self._now

    async def sleep(self, seconds: float) -> None:
        self.call_at(self._now + max(seconds, 0.0), self.current.waker())
        await _Suspend()

    async def wait(self, signal: Signal, timeout: float | None) -> bool:
        wake = self.current.waker()
        unsubscribe = signal.subscribe(wake)
        if timeout is not None:
            self.call_at(self._now + timeout, wake)
        try:
            await _Suspend()
        finally:
            unsubscribe()
        return signal.is_set()

    async def read(self, response: Any) -> None:
        response.read()

    async def close(self, response: Any) -> None:
        response.close()

    def spawn(self, coro: Coroutine[Any, Any, T]) -> Task[T]:
        """Start a task; it runs when the scheduler comes round to it."""
        task = Task(self, coro)
        self.ready(task, task.turn)
        return task

    def run(self, coro: Coroutine[Any, Any, T]) -> T:
        """Run `coro`, and everything it spawns, until it has ended."""
        task = self.spawn(coro)
        while not task.done:
            if not self._advance(None):
                raise Deadlock("every task waits, and no timer is left")
        return task.result()

    def advance(self, seconds: float) -> None:
        """Run whatever is due in the next `seconds`, and leave the clock there."""
        until = self._now + seconds
        while self._advance(until):
            pass
        self._now = until

    def settle(self) -> None:
        """Run everything that is ready now, without letting time pass."""
        while self._ready:
            self._advance(self._now)

    def call_at(self, when: float, callback: Callable[[], None]) -> None:
        """Call `callback` when the clock reaches `when`."""
        self._sequence += 1
        heapq.heappush(self._timers, (when, self._sequence, callback))

    def ready(self, task: Task[Any], turn: int) -> None:
        """Let a task that waits since its `turn` run again."""
        self._ready.append((task, turn))

    def _advance(self, until: float | None) -> bool:
        """Run one ready task, or else the next timer not after `until`; False when there is neither."""
        if self._ready:
            task, turn = self._ready.popleft()
            if turn == task.turn and not task.done:  # else something else has woken it
                self.current = task
                task.step()
            return True
        if not self._timers or (until is not None and self._timers[0][0] > until):
            return False
        when, _, callback = heapq.heappop(self._timers)
        self._now = max(self._now, when)
        callback()
        return True
