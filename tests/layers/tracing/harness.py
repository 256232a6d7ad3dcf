"""Chains with tracing in them over a scripted end, in virtual time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import httpx

from meshlib.call import Attempt, Call
from meshlib.events import RetryScheduled
from meshlib.layer import Handler, Response
from meshlib.layers.tracing.attempt import AttemptSpanLayer
from meshlib.layers.tracing.layer import CallSpanLayer
from meshlib.pipeline import Chain, Once
from meshlib.testing.script import new_call
from meshlib.testing.virtual import VirtualRuntime

Answer = int | BaseException
Transmit = Callable[[Attempt], Awaitable[Any]]


class Again:
    """Sends a call until an attempt answers less than 500, 0.1 s after each other, as `retry` would."""

    name = "retry"

    async def handle(self, inner: Handler, call: Call) -> Response:
        call.keep_body(1024)
        while True:
            response = await inner(call.new_attempt())
            if response.status_code < 500:
                return response
            call.emit(RetryScheduled(call.runtime.now(), call.attempts, 0.1, f"status_{response.status_code}"))
            await call.runtime.sleep(0.1)


def answering(answers: Sequence[Answer], seen: list[httpx.Request] | None = None, seconds: float = 0.02) -> Transmit:
    """An end that gives each attempt the next answer after `seconds`, and keeps copies of what it was sent."""
    left = list(answers)

    async def transmit(attempt: Attempt) -> Any:
        if seen is not None:
            request = attempt.request
            headers = {**dict(request.headers), **attempt.headers}
            seen.append(httpx.Request(request.method, request.url, headers=headers))
        await attempt.runtime.sleep(seconds)
        answer = left.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return httpx.Response(answer, request=attempt.request)

    return transmit


def chain(*, call_span: bool = False, key: str | None = "payment-service", retry: bool = True) -> Chain:
    """The layers of tracing, with something that tries again between them."""
    return Chain(
        [
            ("tracing", CallSpanLayer(key, call_span)),
            ("again", Again() if retry else Once()),
            ("tracing.attempt", AttemptSpanLayer(key is not None)),
        ]
    )


def send(over: Chain, transmit: Transmit, method: str = "GET", url: str = "http://payment-service/", **kw: Any) -> Any:
    """Run one call to its end; returns the response or raises what the call raised."""
    clock = kw.pop("clock", None) or VirtualRuntime()
    prepare = kw.pop("prepare", lambda call: None)
    call = new_call(clock, method, url, transmit=transmit, **kw)
    prepare(call)
    return clock.run(over.handle(call))  # type: ignore[arg-type]  # a coroutine by contract
