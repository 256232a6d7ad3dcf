"""What tracing adds to a call, in microseconds of processor time, over a wire that does nothing.

`python -m benchmarks.tracing`. Each figure is the least of many short rounds with tracing, minus the least without, for
a busy machine only ever adds. One attempt per call; the call layer is in the chain, as it always is. *SDK alone* is
what OpenTelemetry itself takes for the same span, attributes, trace header and measurements.
"""

from __future__ import annotations

import time
import timeit
from collections.abc import Callable
from typing import Any

import httpx
from opentelemetry import propagate, trace
from opentelemetry.context import attach, detach
from opentelemetry.metrics import _internal as metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, set_span_in_context

from meshlib.call import Attempt, Call, Flow
from meshlib.journal import Journal
from meshlib.layers.tracing.attempt import AttemptSpanLayer
from meshlib.layers.tracing.layer import CallSpanLayer
from meshlib.layers.tracing.telemetry import telemetry
from meshlib.library import httpx_library
from meshlib.pipeline import Chain, Once
from meshlib.runtime.sync import SyncRuntime, complete

ROUNDS, CALLS = 60, 200
RUNTIME = SyncRuntime()
RESPONSE = httpx.Response(200)


async def null_wire(attempt: Attempt) -> Any:
    return RESPONSE


def call() -> Call:
    request = httpx.Request("GET", "http://payment-service/charge/42?page=2")
    flow = Flow(Journal(RUNTIME.now()), None, stream=False)
    library = httpx_library()
    return Call(
        request,
        service="payment-service",
        flow=flow,
        runtime=RUNTIME,
        library=library,
        transmit=null_wire,  # type: ignore[arg-type]
    )


def microseconds(layers: Chain) -> float:
    """Processor time of one call, without that of making it."""
    calls = [call() for _ in range(CALLS)]
    started = time.process_time()
    for one in calls:
        complete(layers.handle(one))  # type: ignore[arg-type]
    return (time.process_time() - started) / CALLS * 1e6


def added(call_span: bool, rounds: int = ROUNDS) -> float:
    bare = Chain([("retry", Once())])
    traced = Chain(
        [
            ("tracing", CallSpanLayer("payment-service", call_span)),
            ("retry", Once()),
            ("tracing.attempt", AttemptSpanLayer(configured=True)),
        ]
    )
    return least(traced, rounds) - least(bare, rounds)


def least(layers: Chain, rounds: int) -> float:
    return min(microseconds(layers) for _ in range(rounds))


LABELS = {"http.request.method": "GET", "server.address": "payment-service", "server.port": 80}
ANSWER = {"http.response.status_code": 200, "network.protocol.version": "1.1"}
SHOWN = {**LABELS, "url.full": "http://payment-service/charge/42?page=2"}
FOUND = {**ANSWER, "meshlib.service": "payment-service"}
OUTCOME = {"meshlib.outcome": "2xx", "meshlib.service": "payment-service"}


def by_sdk() -> None:
    """What OpenTelemetry is asked for one call with one attempt, and nothing of ours."""
    tracer, instruments = telemetry().recorders()
    if tracer is not None:
        span = tracer.start_span("GET", kind=SpanKind.CLIENT, attributes=SHOWN)
        token = attach(set_span_in_context(span))
        propagate.inject({})
    if instruments is not None:
        instruments.request_duration.record(0.01, {**LABELS, **ANSWER})
        instruments.call_duration.record(0.01, OUTCOME)
    if tracer is not None:
        if span.is_recording():
            span.set_attributes(FOUND)
        detach(token)
        span.end()


def sdk_alone() -> float:
    """The least microseconds of `by_sdk`."""
    return min(timeit.repeat(by_sdk, repeat=ROUNDS, number=CALLS, timer=time.process_time)) / CALLS * 1e6


def nobody() -> None:
    trace._TRACER_PROVIDER = metrics._METER_PROVIDER = None


def unsampled() -> None:
    trace._TRACER_PROVIDER = TracerProvider(sampler=ALWAYS_OFF)


def recording() -> None:
    trace._TRACER_PROVIDER = TracerProvider()


def measuring() -> None:
    trace._TRACER_PROVIDER = None
    metrics._METER_PROVIDER = MeterProvider([InMemoryMetricReader()])


def everything() -> None:
    measuring()
    recording()


SITUATIONS: dict[str, Callable[[], None]] = {
    "no SDK": nobody,
    "spans, not sampled": unsampled,
    "spans": recording,
    "metrics": measuring,
    "spans and metrics": everything,
}


def added_in(situation: str, call_span: bool, rounds: int = ROUNDS) -> float:
    """Microseconds that tracing adds to a call in one of SITUATIONS."""
    nobody()
    SITUATIONS[situation]()
    return added(call_span, rounds)


def main() -> None:
    print(f"{'µs per call':<20} {'attempts':>9} {'SDK alone':>9} {'with a span of the call':>24}")
    for name in SITUATIONS:
        attempts = added_in(name, call_span=False)
        alone = sdk_alone()
        print(f"{name:<20} {attempts:>9.1f} {alone:>9.1f} {added_in(name, call_span=True):>24.1f}")


if __name__ == "__main__":
    main()
