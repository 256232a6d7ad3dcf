"""A call is counted by service and outcome, and has a span of its own where that is wanted."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

from meshlib.call import Call
from meshlib.config import Settings, load
from meshlib.endpoint import Endpoints
from meshlib.errors import CircuitOpen, raised_as
from meshlib.events import BreakerChanged, RetryStopped, WouldHave
from meshlib.layer import Context
from meshlib.layers.tracing.attempt import AttemptSpanLayer
from meshlib.layers.tracing.layer import CallSpanLayer
from meshlib.layers.tracing.outcome import outcome
from meshlib.testing.script import new_call
from meshlib.testing.virtual import VirtualRuntime
from tests.layers.tracing.conftest import Metrics, Spans
from tests.layers.tracing.harness import answering, chain, send


def test_the_call_span_is_internal_and_the_parent_of_the_attempts(spans: Spans) -> None:
    with trace.get_tracer("application").start_as_current_span("caller") as caller:
        send(chain(call_span=True), answering([503, 200]))
    call = next(s for s in spans.of(SpanKind.INTERNAL) if s.name != "caller")
    assert call.name == "meshlib.call GET payment-service"
    assert call.parent is not None
    assert call.parent.span_id == caller.get_span_context().span_id
    assert call.context is not None
    assert [s.parent.span_id for s in spans.attempts if s.parent] == [call.context.span_id] * 2
    assert dict(call.attributes or {}) == {
        "meshlib.service": "payment-service",
        "meshlib.attempts": 2,
        "meshlib.outcome": "2xx",
    }
    assert call.status.status_code is StatusCode.UNSET


def test_the_events_of_the_call_are_events_of_its_span(spans: Spans) -> None:
    send(chain(call_span=True), answering([503, 200]))
    (call,) = spans.of(SpanKind.INTERNAL)
    assert [(event.name, dict(event.attributes or {})) for event in call.events] == [
        ("retry.scheduled", {"meshlib.attempt": 1, "meshlib.delay": 0.1, "meshlib.reason": "status_503"})
    ]


@pytest.mark.parametrize(
    ("answer", "error_type", "status"),
    [
        (404, "404", StatusCode.ERROR),
        (httpx.ConnectError("refused"), "ConnectError", StatusCode.ERROR),
        (asyncio.CancelledError(), "CancelledError", StatusCode.UNSET),
    ],
)
def test_a_call_that_failed_says_why(
    answer: int | BaseException, error_type: str, status: StatusCode, spans: Spans
) -> None:
    task_failed = isinstance(answer, BaseException)
    if task_failed:
        with pytest.raises(type(answer)):  # type: ignore[arg-type]
            send(chain(call_span=True, retry=False), answering([answer]))
    else:
        send(chain(call_span=True, retry=False), answering([answer]))
    (call,) = spans.of(SpanKind.INTERNAL)
    assert ((call.attributes or {})["error.type"], call.status.status_code) == (error_type, status)


def test_no_call_span_unless_it_is_asked_for(spans: Spans) -> None:
    send(chain(), answering([200]))
    assert spans.of(SpanKind.INTERNAL) == []


def test_calls_are_measured_by_service_and_outcome(measured: Metrics) -> None:
    send(chain(), answering([503, 200]))
    send(chain(), answering([404]))
    with pytest.raises(httpx.ReadTimeout):
        send(chain(), answering([httpx.ReadTimeout("late")]))
    expected = [
        ({"meshlib.service": "payment-service", "meshlib.outcome": o}, 1) for o in ("2xx", "4xx", "ReadTimeout")
    ]
    assert sorted(measured.points("meshlib.call.duration"), key=str) == sorted(expected, key=str)


def test_events_are_counted_without_their_unbounded_fields(measured: Metrics) -> None:
    def late(call: Call) -> None:
        call.emit(RetryStopped(1.0, 2, "budget"))
        call.emit(WouldHave(1.0, "breaker", "refuse 10.0.0.1:80"))
        call.emit(BreakerChanged(1.0, "payment-service", "10.0.0.1:80", "open", 5.0))

    calls: list[Call] = []
    send(chain(), answering([503, 503, 200]), prepare=calls.append)
    late(calls[0])  # a streamed body that broke after the call was over
    service = {"meshlib.service": "payment-service"}
    assert measured.points("meshlib.retry.scheduled") == [({"meshlib.reason": "status_503", **service}, 2)]
    assert measured.points("meshlib.retry.stopped") == [({"meshlib.reason": "budget", **service}, 1)]
    assert measured.points("meshlib.layer.would_have") == [({"meshlib.layer": "breaker", **service}, 1)]
    assert measured.points("meshlib.breaker.changed") == [({"meshlib.state": "open", **service}, 1)]


def test_the_hosts_nobody_configured_share_one_set_of_labels(measured: Metrics) -> None:
    for host in ("one.example", "two.example"):
        send(chain(key=None), answering([200]), url=f"http://{host}/")
    assert measured.points("meshlib.call.duration") == [({"meshlib.outcome": "2xx"}, 2)]


@pytest.mark.parametrize(
    ("result", "word"),
    [
        (SimpleNamespace(status_code=204), "2xx"),
        (SimpleNamespace(status_code=503), "5xx"),
        (httpx.ConnectError("refused"), "ConnectError"),
        (raised_as(CircuitOpen, httpx)("open"), "CircuitOpen"),
        (type("Mine", (httpx.ConnectError,), {})("mine"), "error"),
        (ValueError("mine"), "error"),
        (KeyboardInterrupt(), "cancelled"),
    ],
)
def test_the_outcomes_are_a_bounded_set(result: object, word: str) -> None:
    assert outcome(result, httpx) == word


def context(**tracing: object) -> Context:
    services = {"payment-service": {"tracing": tracing or False}}
    settings: Settings = load(services=services, environ={}).settings("payment-service")
    return Context("payment-service", settings, Endpoints(), lambda event: None)


def test_tracing_switched_off_is_not_in_the_chain() -> None:
    assert CallSpanLayer.build(context()) is None
    assert AttemptSpanLayer.build(context()) is None


@pytest.mark.parametrize("wanted", [True, False])
def test_the_built_layer_shows_and_does_what_is_configured(wanted: bool, spans: Spans) -> None:
    layer = CallSpanLayer.build(context(call_span=wanted))
    assert layer is not None
    assert layer.describe() == {"call_span": wanted}
    clock = VirtualRuntime()
    call = new_call(clock)

    async def inner(call: Call) -> httpx.Response:
        return httpx.Response(200)

    clock.run(layer.handle(inner, call))
    assert len(spans.of(SpanKind.INTERNAL)) == wanted
