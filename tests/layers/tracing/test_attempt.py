"""Each attempt has one client span, named and labelled as the conventions say, and one duration."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from opentelemetry import baggage, trace
from opentelemetry.context import attach, detach
from opentelemetry.instrumentation.utils import suppress_http_instrumentation
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags, set_span_in_context

from meshlib.call import Attempt, Call
from meshlib.endpoint import Address, Endpoint
from meshlib.events import AttemptStarted
from meshlib.layers.tracing.attempt import AttemptSpanLayer
from meshlib.layers.tracing.exclude import VARIABLES, excluded_urls
from meshlib.pipeline import Chain, Once
from tests.layers.tracing.conftest import Metrics, Spans
from tests.layers.tracing.harness import answering, chain, send


def test_attempts_are_sibling_client_spans_under_the_callers_span(spans: Spans) -> None:
    with trace.get_tracer("application").start_as_current_span("caller") as caller:
        send(chain(), answering([503, 200]))
    first, second = spans.attempts
    assert [s.parent.span_id for s in (first, second) if s.parent] == [caller.get_span_context().span_id] * 2
    assert (first.name, second.name) == ("GET", "GET")


def test_the_attributes_are_those_of_the_stable_conventions(spans: Spans) -> None:
    def pick(call: Call) -> None:
        transmit = call.transmit

        async def picked(attempt: object) -> object:
            attempt.endpoint = Endpoint(Address("10.0.0.7", 8080))  # type: ignore[attr-defined]
            return await transmit(attempt)  # type: ignore[arg-type]

        call.transmit = picked  # type: ignore[assignment]

    send(chain(), answering([200]), "POST", "http://payment-service/charge?id=7", prepare=pick)
    (span,) = spans.attempts
    assert dict(span.attributes or {}) == {
        "http.request.method": "POST",
        "url.full": "http://payment-service/charge?id=7",
        "server.address": "payment-service",
        "server.port": 80,
        "network.peer.address": "10.0.0.7",
        "network.peer.port": 8080,
        "network.protocol.version": "1.1",
        "http.response.status_code": 200,
        "meshlib.service": "payment-service",
        "meshlib.endpoint": "10.0.0.7:8080",
    }
    assert span.status.status_code is StatusCode.UNSET


def test_the_resend_count_is_absent_first_and_then_counts_every_resend_of_the_send(spans: Spans) -> None:
    def after_a_redirect(call: Call) -> None:
        call.flow.journal.events.append(AttemptStarted(0.0, 1, None))  # an earlier hop's

    send(chain(), answering([503, 503, 200]))
    send(chain(), answering([503, 200]), prepare=after_a_redirect)
    counts = [(s.attributes or {}).get("http.request.resend_count") for s in spans.attempts]
    assert counts == [None, 1, 2, 1, 2]


@pytest.mark.parametrize(("status", "failed"), [(302, False), (404, True), (503, True)])
def test_statuses_from_400_are_errors_of_a_client(status: int, failed: bool, spans: Spans) -> None:
    send(chain(retry=False), answering([status]))
    (span,) = spans.attempts
    assert (span.status.status_code is StatusCode.ERROR, (span.attributes or {}).get("error.type")) == (
        failed,
        str(status) if failed else None,
    )


def test_an_exception_ends_the_span_as_an_error_with_its_class_and_its_record(spans: Spans) -> None:
    with pytest.raises(httpx.ConnectError):
        send(chain(retry=False), answering([httpx.ConnectError("refused")]))
    (span,) = spans.attempts
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["error.type"] == "ConnectError"
    assert [event.name for event in span.events] == ["exception"]


def test_a_cancellation_ends_the_span_and_is_nobodys_failure(spans: Spans) -> None:
    with pytest.raises(asyncio.CancelledError):
        send(chain(retry=False), answering([asyncio.CancelledError()]))
    (span,) = spans.attempts
    assert (span.status.status_code, (span.attributes or {})["error.type"]) == (StatusCode.UNSET, "CancelledError")
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_an_unknown_method_does_not_become_a_span_name(spans: Spans) -> None:
    send(chain(), answering([200]), "BREW")
    (span,) = spans.attempts
    attributes = span.attributes or {}
    assert span.name == "HTTP"
    assert (attributes["http.request.method"], attributes["http.request.method_original"]) == ("_OTHER", "BREW")


def test_each_attempt_carries_its_own_span_to_the_server(spans: Spans) -> None:
    seen: list[httpx.Request] = []
    response = send(
        chain(), answering([503, 200], seen), headers={"traceparent": "00-" + "1" * 32 + "-" + "2" * 16 + "-01"}
    )
    carried = [request.headers["traceparent"].split("-")[2] for request in seen]
    assert carried == [f"{s.context.span_id:016x}" for s in spans.attempts if s.context]
    assert response.request.headers["traceparent"] == seen[1].headers["traceparent"]


def test_suppressed_attempts_have_no_span_no_duration_and_no_trace_context(spans: Spans, measured: Metrics) -> None:
    seen: list[httpx.Request] = []
    with suppress_http_instrumentation():
        send(chain(), answering([200], seen))
    assert (spans.all, measured.points("http.client.request.duration")) == ([], [])
    assert "traceparent" not in seen[0].headers


@pytest.mark.parametrize("variable", VARIABLES)
def test_excluded_urls_have_no_span(variable: str, spans: Spans, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "/health$, /metrics")
    layers = Chain([("retry", Once()), ("tracing.attempt", AttemptSpanLayer(True, excluded_urls()))])
    for path in ("/health", "/metrics/all", "/healthy"):
        send(layers, answering([200]), url=f"http://payment-service{path}")
    assert [(s.attributes or {})["url.full"] for s in spans.all] == ["http://payment-service/healthy"]


def test_baggage_goes_to_configured_services_only_and_does_not_stay_in_the_request(spans: Spans) -> None:
    token = attach(baggage.set_baggage("tenant", "acme"))
    try:
        for key, expected in (("payment-service", "tenant=acme"), (None, None)):
            seen: list[httpx.Request] = []
            response = send(chain(key=key), answering([200], seen))
            assert seen[0].headers.get("baggage") == expected
            assert "traceparent" in seen[0].headers
            assert "baggage" not in response.request.headers
    finally:
        detach(token)


def test_without_an_sdk_a_trace_that_came_in_is_passed_on() -> None:
    seen: list[httpx.Request] = []
    came_in = SpanContext(0xA1, 0xB2, is_remote=True, trace_flags=TraceFlags(1))
    token = attach(set_span_in_context(NonRecordingSpan(came_in)))
    try:
        send(chain(), answering([200], seen))
    finally:
        detach(token)
    assert seen[0].headers["traceparent"] == f"00-{0xA1:032x}-{0xB2:016x}-01"


def test_every_attempt_is_measured_also_those_that_raise(measured: Metrics) -> None:
    send(chain(), answering([503, 200]))
    with pytest.raises(httpx.ReadTimeout):
        send(chain(), answering([httpx.ReadTimeout("late")]))
    common = {"http.request.method": "GET", "server.address": "payment-service", "server.port": 80}
    points = measured.points("http.client.request.duration")
    assert sorted(points, key=str) == sorted(
        [
            ({**common, "http.response.status_code": 200, "network.protocol.version": "1.1"}, 1),
            (
                {
                    **common,
                    "http.response.status_code": 503,
                    "network.protocol.version": "1.1",
                    "error.type": "503",
                },
                1,
            ),
            ({**common, "error.type": "ReadTimeout"}, 1),
        ],
        key=str,
    )


def test_the_attempt_span_is_current_below_and_gone_above(spans: Spans) -> None:
    below: list[object] = []

    def look(call: Call) -> None:
        transmit = call.transmit

        async def looking(attempt: object) -> object:
            below.append(trace.get_current_span())
            return await transmit(attempt)  # type: ignore[arg-type]

        call.transmit = looking  # type: ignore[assignment]

    send(chain(), answering([200]), prepare=look)
    assert [s.kind for s in below] == [SpanKind.CLIENT]  # type: ignore[attr-defined]
    assert trace.get_current_span() is trace.INVALID_SPAN


@pytest.mark.parametrize(
    ("address", "peer", "expected"),
    [
        (Address("10.0.0.7", 8080), ("10.0.0.9", 8081), ("10.0.0.9", 8081)),
        (Address("::1", None), None, ("::1", 80)),
        (Address("::1", 8080), ("::1", 8080, 0, 0), ("::1", 8080)),
        (Address("", None, uds="/run/pay.sock"), None, ("/run/pay.sock", None)),
        (Address("", None, uds="/run/pay.sock"), "", ("/run/pay.sock", None)),
        (None, ("10.0.0.9", 443), ("10.0.0.9", 443)),
        (None, None, (None, None)),
    ],
)
def test_the_peer_is_the_socket_in_use_and_before_there_is_one_the_endpoint(
    address: Address | None, peer: object, expected: tuple[str | None, int | None], spans: Spans
) -> None:
    async def transmit(attempt: Attempt) -> httpx.Response:
        attempt.endpoint = Endpoint(address) if address else None
        attempt.peer = peer  # type: ignore[assignment]
        return httpx.Response(200, extensions={"http_version": b"HTTP/2"})

    send(chain(), transmit)
    attributes = spans.attempts[0].attributes or {}
    assert (attributes.get("network.peer.address"), attributes.get("network.peer.port")) == expected
    assert attributes["network.protocol.version"] == "2"
