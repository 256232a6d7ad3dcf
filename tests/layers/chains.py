"""Layers built as a Mesh builds them, from real settings, for tests on the scripted inner and in virtual time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from meshlib.call import Attempt, Call
from meshlib.config import load
from meshlib.endpoint import Address, Endpoints
from meshlib.events import RetryScheduled, RetryStopped
from meshlib.layer import Context
from meshlib.layers.attempt.layer import AttemptLayer
from meshlib.layers.deadline.layer import DeadlineLayer
from meshlib.layers.retry.layer import RetryLayer
from meshlib.testing.script import new_call
from meshlib.testing.virtual import VirtualRuntime

SERVICE = "payment-service"


def context(endpoints: int = 1, **sections: Any) -> Context:
    """The context of a service with so many endpoints and these sections."""
    settings = load(services={SERVICE: sections}, environ={}).settings(SERVICE)
    known = Endpoints()
    known.publish([Address(f"10.0.0.{n + 1}", 8080) for n in range(endpoints)], 0.0)
    return Context(SERVICE, settings, known, lambda event: None)


def retry(endpoints: int = 1, **fields: Any) -> RetryLayer:
    """A retry layer with these fields of its section; none given: nobody configured it."""
    built = RetryLayer.build(context(endpoints, **({"retry": fields} if fields else {})))
    assert built is not None
    return built


def deadline(**fields: Any) -> DeadlineLayer:
    built = DeadlineLayer.build(context(deadline=fields) if fields else context())
    assert built is not None
    return built


def attempt(**sections: Any) -> AttemptLayer:
    built = AttemptLayer.build(context(**sections))
    assert built is not None
    return built


class Stacked:
    """Several layers as one, so that the scripted inner stands below all of them."""

    name = "stacked"

    def __init__(self, *layers: Any) -> None:
        self._layers = layers

    async def handle(self, inner: Any, call: Any) -> Any:
        handler = inner
        for layer in reversed(self._layers):
            handler = _below(layer, handler)
        return await handler(call)


def _below(layer: Any, inner: Any) -> Any:
    return lambda what: layer.handle(inner, what)


@dataclass
class Story:
    """What happened in a call: when each attempt began (seconds), the attempts, and how it ended."""

    times: list[float]
    attempts: list[Attempt]
    call: Call
    outcome: Any = None

    @property
    def stopped(self) -> str | None:
        """The reason of the event that ended the retries."""
        return next((e.reason for e in self.call.flow.journal.events if isinstance(e, RetryStopped)), None)

    @property
    def reasons(self) -> list[str]:
        """Why each further attempt was made."""
        return [e.reason for e in self.call.flow.journal.events if isinstance(e, RetryScheduled)]


def play(
    layer: Any,
    outcomes: Sequence[Any],
    *,
    method: str = "GET",
    clock: VirtualRuntime | None = None,
    sent: str = "all",
    takes: float = 0.0,
    mocked: bool = False,
    **kw: Any,
) -> Story:
    """Run one call through `layer`; the n-th attempt takes `takes` seconds and ends with the n-th outcome.

    An outcome is a status, (status, headers), a response, or an exception; the last one repeats. Each attempt goes to
    the next endpoint of a retry layer. `sent` is how much of an attempt that fails has left.
    """
    clock = clock or VirtualRuntime()
    idempotent = kw.pop("idempotent", None)
    call = new_call(clock, method, **kw)
    call._idempotent = idempotent
    call.mocked = lambda: mocked
    story = Story([], [], call)
    current = layer.endpoints.current if isinstance(layer, RetryLayer) else None
    known = current.endpoints if current is not None else ()

    async def inner(attempt: Attempt) -> Any:
        number = len(story.attempts)
        story.times.append(round(clock.now(), 6))
        story.attempts.append(attempt)
        if known:
            call.tried.append(known[number % len(known)])
        if takes:
            await clock.sleep(takes)
        outcome = outcomes[min(number, len(outcomes) - 1)]
        if isinstance(outcome, BaseException):
            attempt.sent = sent
            if hasattr(outcome, "limit"):
                attempt.deadline = story.times[-1] + outcome.limit
            raise outcome
        return response(outcome)

    try:
        story.outcome = clock.run(layer.handle(inner, call))
    except Exception as exc:
        story.outcome = exc
    return story


def response(outcome: Any) -> Any:
    if isinstance(outcome, int):
        return httpx.Response(outcome)
    return httpx.Response(outcome[0], headers=outcome[1]) if isinstance(outcome, tuple) else outcome
