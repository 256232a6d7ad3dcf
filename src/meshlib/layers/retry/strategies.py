"""tenacity's stop, wait and retry objects, evaluated after a failed attempt and on the runtime's clock.

Only the strategies are used, never tenacity's call loop: it costs 30 µs a call, keeps state in thread locals and reads
the process's clock. The order is tenacity's own: retry, wait, stop (`stop_before_delay` reads `upcoming_sleep`).
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tenacity import RetryCallState

    from meshlib.layers.retry.config import Retry


class Strategies:
    """The objects given in `Retry(stop=, wait=, retry=)`; those not given are None, and our own rules hold."""

    def __init__(self, section: Retry) -> None:
        import tenacity

        self.stop: Callable[..., Any] | None = section.stop
        self.wait: Callable[..., Any] | None = section.wait
        self.retry: Callable[..., Any] | None = section.retry
        given = {
            name: getattr(section, name) for name in ("stop", "wait", "retry") if getattr(section, name) is not None
        }
        self._inert = tenacity.Retrying(**given)  # for strategies that look at `retry_object`; it is never run
        self._state = tenacity.RetryCallState

    @property
    def attempts(self) -> int | None:
        """How many attempts the stop strategy allows, where it tells (`stop_after_attempt` does)."""
        return getattr(self.stop, "max_attempt_number", None)

    def in_place_of(self) -> Iterator[tuple[str, dict[str, object]]]:
        """The setting of ours that each given object replaces."""
        for ours, name in (("max_attempts", "stop"), ("backoff", "wait"), ("on", "retry")):
            if getattr(self, name) is not None:
                yield ours, {name: getattr(self, name)}

    def begin(self, started: float) -> RetryCallState:
        """The state of one failing call which began at `started`."""
        state = self._state(self._inert, None, (), {})
        state.start_time = started
        return state


def failed(state: RetryCallState, number: int, outcome: Any, now: float) -> None:
    """Attempt `number` ended so."""
    state.attempt_number = number
    if isinstance(outcome, BaseException):
        state.set_exception((type(outcome), outcome, outcome.__traceback__))
    else:
        state.set_result(outcome)
    state.outcome_timestamp = now  # tenacity stamps the process's clock, which is not the runtime's


def going_on(state: RetryCallState, delay: float) -> None:
    """Another attempt follows after `delay` seconds."""
    state.idle_for += delay
    state.prepare_for_next_attempt()


async def ask(strategy: Callable[..., Any], state: RetryCallState) -> Any:
    """What a strategy says; it may be a coroutine function, as tenacity's asynchronous ones are."""
    answer = strategy(state)
    return await answer if inspect.isawaitable(answer) else answer
