"""Cancellation by enumeration: a coroutine is cancelled at the k-th point where it hands control to the event loop.

`Struck` drives a coroutine as its task does and counts what it yields. At the k-th it strikes; k = 1, 2, ... until a
run ends untouched has then met every point there is. How it strikes is a `Blow`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from typing import Any

import anyio
import trio

LIMIT = 400
"""More points than any call has: an enumeration that goes on beyond has found a loop without end."""


class Struck:
    """Awaits what `coro` awaits. `strike(yielded)` is called just before the loop gets what was yielded, at each of the
    points `at` (counted from 1); `points` is how many there have been."""

    def __init__(self, coro: Any, at: set[int], strike: Callable[[Any], None]) -> None:
        self.points = 0
        self._coro = coro
        self._at = at
        self._strike = strike

    @property
    def hit(self) -> bool:
        return self.points >= min(self._at)

    def __await__(self) -> Generator[Any, Any, Any]:
        inner = self._coro.__await__()
        step, value = inner.send, None
        while True:
            try:
                yielded = step(value)
            except StopIteration as stop:
                return stop.value
            self.points += 1
            if self.points in self._at:
                self._strike(yielded)
            try:
                step, value = inner.send, (yield yielded)
            except BaseException as exc:  # whatever the loop throws goes on inwards
                step, value = inner.throw, exc


class Blow:
    """One way of cancelling: `native` is the task's own cancel, `late` comes when what was waited for has just happened
    (a connection that is made and met by nobody), `scope` is an anyio scope, cancelled again with every turn of the
    loop; `twice` strikes once more at the next point, in the middle of the clean-up."""

    def __init__(self, kind: str, *, twice: bool = False) -> None:
        self.kind, self.twice = kind, twice

    def __repr__(self) -> str:
        return f"{self.kind}{' twice' if self.twice else ''}"

    def at(self, point: int) -> set[int]:
        return {point, point + 1} if self.twice else {point}


NATIVE, TWICE, LATE, SCOPE = Blow("native"), Blow("native", twice=True), Blow("late"), Blow("scope")


def blows(kind: str, points: int) -> tuple[Blow, ...]:
    """How calls of asyncio or trio are cancelled. trio knows scopes alone, which strike again at every checkpoint until
    they are left. A call of very many points is struck in two ways only: the others have met its parts elsewhere."""
    if kind == "trio":
        return (SCOPE,)
    return (NATIVE, TWICE, LATE, SCOPE) if points < 50 else (TWICE, SCOPE)


async def struck_at(coro: Any, point: int, blow: Blow) -> bool:
    """Run `coro` and strike at that point. False when it came through without reaching it."""
    assert point < LIMIT, f"still not through after {LIMIT} points"
    return await (_in_scope if blow.kind == "scope" else _in_task)(coro, point, blow)


async def _in_scope(coro: Any, point: int, blow: Blow) -> bool:
    """In this task, under a scope of anyio's or trio's. Whether the run was struck; one that was may still have come
    through, where it waited under a shield for the last time."""
    with anyio.CancelScope() as scope:
        struck = Struck(coro, blow.at(point), lambda _: scope.cancel())
        await struck
    return struck.hit


async def _in_task(coro: Any, point: int, blow: Blow) -> bool:
    """In a task of asyncio's. Whether the run was struck; then it must have ended by being cancelled."""
    struck = Struck(coro, blow.at(point), _late if blow.kind == "late" else _now)

    async def run() -> Any:
        return await struck

    task = asyncio.ensure_future(run())
    await asyncio.wait([task])
    if not struck.hit:
        task.result()
    elif not task.cancelled():
        raise AssertionError(
            f"struck at point {point} ({blow}), and it ended with {task.exception() or task.result()!r}"
        )
    return struck.hit


def _now(yielded: Any) -> None:
    _current().cancel()


def _late(yielded: Any) -> None:
    """Cancel when the future is done and before its task has learnt of it: ours is the first of its callbacks."""
    task = _current()
    if yielded is None:  # a bare turn of the loop
        asyncio.get_running_loop().call_soon(task.cancel)
    else:
        yielded.add_done_callback(lambda _: task.cancel())


def _current() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None
    return task


def run(kind: str, main: Callable[[], Awaitable[Any]]) -> Any:
    """Run `main` in a new loop of asyncio or trio; errors that a loop only logs are raised at the end."""
    return trio.run(main) if kind == "trio" else asyncio.run(_loud(main))


async def _loud(main: Callable[[], Awaitable[Any]]) -> Any:
    heard: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: heard.append(context))
    outcome = await main()
    await asyncio.sleep(0)
    assert not heard, f"the loop had to tell of {heard}"
    return outcome
