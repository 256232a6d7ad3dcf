"""The same scenario gives the same events, at the same times, under sync, asyncio, trio and virtual time.

Below the whole chain stands a script instead of the wire, and the runtimes' clocks are scripted too.
"""

from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest

from meshlib.call import Attempt
from meshlib.events import DeadlinePassed, RetryScheduled, RetryStopped
from meshlib.pipeline import build
from meshlib.runtime.aio import AioRuntime
from meshlib.runtime.sync import SyncRuntime, complete
from meshlib.testing.script import new_call
from meshlib.testing.virtual import VirtualRuntime
from tests.layers import chains


class Scripted:
    """A clock that stands still but for sleeps; `pause` is what the runtime awaits meanwhile."""

    def __init__(self, runtime: Any, pause: Callable[[], Coroutine[Any, Any, None]] | None) -> None:
        self._now = 0.0
        self._pause = pause
        runtime.now, runtime.sleep, runtime.rng = self.now, self.sleep, Random(1)

    def now(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        self._now += seconds
        if self._pause is not None:
            await self._pause()


def in_sync(scenario: Any) -> Any:
    runtime = SyncRuntime()
    Scripted(runtime, None)
    return complete(scenario(runtime))


def in_aio(backend: str) -> Callable[[Any], Any]:
    def run(scenario: Any) -> Any:
        runtime = AioRuntime()
        Scripted(runtime, anyio.lowlevel.checkpoint)
        return anyio.run(scenario, runtime, backend=backend)

    return run


def in_virtual(scenario: Any) -> Any:
    clock = VirtualRuntime()
    clock.rng = Random(1)
    return clock.run(scenario(clock))


RUNS = {"sync": in_sync, "asyncio": in_aio("asyncio"), "trio": in_aio("trio"), "virtual": in_virtual}


class Hang(Exception):
    """The wire ends such an attempt at its limit."""


CALLS: list[tuple[str, list[Any]]] = [
    ("GET", [200]),
    ("GET", [503, 502, 200]),
    ("POST", [503]),
    ("GET", [(429, {"retry-after": "0.2"}), 200]),
    ("GET", [httpx.ConnectError("refused")] * 3),
    ("GET", [500, 500]),
    ("GET", [Hang(), 200]),
    ("GET", [Hang(), Hang(), Hang()]),
    ("POST", [Hang()]),
    *[("GET", [200])] * 10,  # the budget is nearly spent; these add one retry
    ("PUT", [httpx.ReadError("reset"), 503, 404]),
    *[("GET", [503, 503, 503])] * 6,
]


async def scenario(runtime: Any) -> list[tuple[str, list[Any]]]:
    """One call after the other through one chain; the outcome and the events of each."""
    told: list[Any] = []
    context = chains.context(3, deadline={"timeout": 1.0})
    context.emit = told.append
    chain = build(context)
    seen = []
    for method, outcomes in CALLS:
        call = new_call(runtime, method, transmit=transmit(outcomes))
        call.listeners = (told.append,)
        try:
            ended = str((await chain.handle(call)).status_code)
        except Exception as exc:
            ended = type(exc).__name__
        seen.append((ended, told.copy()))
        told.clear()
        await runtime.sleep(0.1)
    return seen


def transmit(outcomes: list[Any]) -> Callable[[Attempt], Coroutine[Any, Any, Any]]:
    async def send(attempt: Attempt) -> Any:
        runtime = attempt.runtime
        outcome = outcomes[attempt.number - 1]
        if isinstance(outcome, Hang):
            assert attempt.deadline is not None
            await runtime.sleep(attempt.deadline - runtime.now())
            raise httpx.ReadTimeout("the limit passed")
        await runtime.sleep(0.01)
        if isinstance(outcome, Exception):
            raise outcome
        response = chains.response(outcome)
        attempt.release()
        return response

    return send


def test_sync_asyncio_trio_and_virtual_time_tell_the_same_story() -> None:
    stories = {name: run(scenario) for name, run in RUNS.items()}
    for name in ("asyncio", "trio", "virtual"):
        for one, other in zip(stories["sync"], stories[name], strict=True):
            assert other == one, name


@pytest.mark.parametrize("name", RUNS)
def test_the_story_is_the_one_that_the_rules_tell(name: str) -> None:
    story = RUNS[name](scenario)
    assert [ended for ended, _ in story] == [
        "200", "200", "503", "200", "ConnectError", "500", "200", "DeadlineExceeded", "DeadlineExceeded",
        *["200"] * 10, "404", *["503"] * 6,
    ]  # fmt: skip
    events = [event for _, told in story for event in told]
    assert {e.reason for e in events if isinstance(e, RetryScheduled)} == {
        "503", "502", "429", "connection", "500", "timeout",
    }  # fmt: skip
    reasons = {e.reason for e in events if isinstance(e, RetryStopped)}
    assert {"not_idempotent", "max_attempts", "budget", "not_retryable"} <= reasons
    assert sum(isinstance(e, DeadlinePassed) for e in events) == 2
