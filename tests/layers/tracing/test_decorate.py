"""What meshlib adds to the span of somebody else, and where it must not."""

from __future__ import annotations

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.instrumentation.httpx import SyncOpenTelemetryTransport

from meshlib.call import Attempt, Call, Flow
from meshlib.endpoint import Address, Endpoint
from meshlib.journal import Journal
from meshlib.layers.tracing.decorate import TRACE, decorate
from meshlib.library import httpx_library
from meshlib.pipeline import Chain
from meshlib.runtime.sync import SyncRuntime, complete
from tests.layers.tracing.conftest import Spans
from tests.layers.tracing.harness import chain


def sent(transport: httpx.BaseTransport, layers: Chain, **extensions: object) -> tuple[Call, list[Attempt]]:
    """Send one call over `transport` as the sync client does."""
    attempts: list[Attempt] = []

    async def transmit(attempt: Attempt) -> httpx.Response:
        attempts.append(attempt)
        attempt.endpoint = Endpoint(Address("10.0.0.7", 8080))
        return transport.handle_request(attempt.request)

    runtime = SyncRuntime()
    request = httpx.Request("GET", "http://payment-service/", extensions=extensions)
    call = Call(
        request,
        service="payment-service",
        flow=Flow(Journal(runtime.now()), None, stream=False),
        runtime=runtime,
        library=httpx_library(),
        transmit=transmit,  # type: ignore[arg-type]
        transport=transport,
        pinned=False,
    )
    complete(layers.handle(call))  # type: ignore[arg-type]
    return call, attempts


class Stepping(httpx.BaseTransport):
    """Calls httpcore's `trace` callback as httpcore does: several times for a request."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        for step in ("connection.connect_tcp.started", "connection.connect_tcp.complete"):
            request.extensions.get(TRACE, lambda event, info: None)(step, {})
        return httpx.Response(200)


def test_on_a_foreign_wire_the_trace_callback_decorates_and_the_users_own_still_runs(spans: Spans) -> None:
    steps: list[str] = []

    def users(event: str, info: object) -> None:
        steps.append(event)

    call, _ = sent(SyncOpenTelemetryTransport(Stepping()), chain(retry=False), trace=users)
    (span,) = spans.attempts
    attributes = span.attributes or {}
    assert (attributes["meshlib.endpoint"], attributes["network.peer.port"]) == ("10.0.0.7:8080", 8080)
    assert steps == ["connection.connect_tcp.started", "connection.connect_tcp.complete"]
    assert call.request.extensions == {TRACE: users}


def test_without_a_provider_no_trace_callback_is_set() -> None:
    seen: list[object] = []

    class Looking(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            seen.append(request.extensions.get(TRACE))
            return httpx.Response(200)

    sent(SyncOpenTelemetryTransport(Looking()), chain(retry=False))
    assert seen == [None]


def test_without_instrumentation_nothing_is_left_to_decorate(spans: Spans) -> None:
    _, attempts = sent(Stepping(), chain(retry=False))
    assert [attempt.decorate for attempt in attempts] == [None]


def test_the_span_that_was_current_above_is_never_decorated(spans: Spans) -> None:
    """So it is when the instrumentation leaves a URL out: the current span is the application's."""
    _, attempts = sent(Stepping(), chain(retry=False))
    with trace.get_tracer("application").start_as_current_span("caller") as above:
        decorate(above, attempts[0])
    assert "meshlib.endpoint" not in (spans.all[-1].attributes or {})


def test_a_span_that_does_not_record_costs_no_attributes(monkeypatch: pytest.MonkeyPatch) -> None:
    _, attempts = sent(Stepping(), chain(retry=False))
    monkeypatch.setattr("meshlib.layers.tracing.decorate.routed", None)  # calling it would fail
    decorate(trace.NonRecordingSpan(trace.INVALID_SPAN_CONTEXT), attempts[0])
