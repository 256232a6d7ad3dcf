"""What tracing adds to a call, in microseconds of processor time, over a wire that does nothing.

`python -m benchmarks.tracing`. Each figure is the least of many short rounds with tracing, minus the least without, for
a busy machine only ever adds. One attempt per call; the call layer is in the chain, as it always is.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx
from opentelemetry import trace
from opentelemetry.metrics import _internal as metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from meshlib.call import Attempt, Call, Flow
from meshlib.journal import Journal
from meshlib.layers.tracing.attempt import AttemptSpanLayer
from meshlib.layers.tracing.layer import CallSpanLayer
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
    print(f"{'µs per call':<20} {'attempts':>9} {'and call':>9}")
    for name in SITUATIONS:
        print(f"{name:<20} {added_in(name, call_span=False):>9.1f} {added_in(name, call_span=True):>9.1f}")


if __name__ == "__main__":
    main()
