"""Canaries: the private names of OpenTelemetry that meshlib relies on still mean what it takes them for."""

from __future__ import annotations

import functools
import subprocess
import sys
from typing import Any

import httpx
import pytest
from opentelemetry import context, metrics, trace
from opentelemetry.instrumentation.httpx import (
    AsyncOpenTelemetryTransport,
    HTTPXClientInstrumentor,
    SyncOpenTelemetryTransport,
)
from opentelemetry.instrumentation.utils import suppress_http_instrumentation, suppress_instrumentation
from opentelemetry.metrics import _internal

from meshlib.layers.tracing import private
from meshlib.wire.private import below_instrumentation

PROVIDERS = """
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from meshlib.layers.tracing import private
assert private.providers() == (None, None)
assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
tracers, meters = TracerProvider(shutdown_on_exit=False), MeterProvider(shutdown_on_exit=False)
trace.set_tracer_provider(tracers)
metrics.set_meter_provider(meters)
assert private.providers() == (tracers, meters)
"""


def test_the_providers_that_an_application_sets_are_where_we_look() -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", PROVIDERS], check=True)


def test_the_public_functions_return_the_same_providers(monkeypatch: pytest.MonkeyPatch) -> None:
    tracers, meters = trace.NoOpTracerProvider(), metrics.NoOpMeterProvider()
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", tracers)
    monkeypatch.setattr(_internal, "_METER_PROVIDER", meters)
    assert (trace.get_tracer_provider(), metrics.get_meter_provider()) == (tracers, meters)
    assert private.providers() == (tracers, meters)


@pytest.mark.parametrize("wish", [suppress_http_instrumentation, suppress_instrumentation])
def test_suppression_is_seen_where_it_holds_and_nowhere_else(wish: Any) -> None:
    assert not private.suppressed(context.get_current())
    with wish():
        assert private.suppressed(context.get_current())
    assert not private.suppressed(context.get_current())


@pytest.mark.parametrize("client", [httpx.Client, httpx.AsyncClient])
def test_an_instrumented_client_is_seen_and_so_is_the_end_of_it(client: Any) -> None:
    made = client()
    transport = made._transport
    assert not private.makes_spans(transport)
    HTTPXClientInstrumentor.instrument_client(made)
    assert private.makes_spans(transport)
    HTTPXClientInstrumentor.uninstrument_client(made)
    assert not private.makes_spans(transport)


def test_an_instrumented_class_is_seen_also_through_a_subclass_that_overrides_the_method() -> None:
    class Mine(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            return super().handle_request(request)

    stock, mine, other = httpx.HTTPTransport(), Mine(), httpx.MockTransport(lambda request: httpx.Response(200))
    instrumentor = HTTPXClientInstrumentor()
    instrumentor.instrument()
    try:
        assert [private.makes_spans(t) for t in (stock, mine, other)] == [True, True, False]
    finally:
        instrumentor.uninstrument()
    assert [private.makes_spans(t) for t in (stock, mine, other)] == [False, False, False]


class Holder(httpx.BaseTransport):
    """A transport of the application round another one."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self.inner = inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self.inner.handle_request(request)


@pytest.mark.parametrize("kind", [SyncOpenTelemetryTransport, AsyncOpenTelemetryTransport])
def test_the_instrumentations_own_transports_are_seen_also_inside_others(kind: Any) -> None:
    stock = httpx.MockTransport(lambda request: httpx.Response(200))
    assert private.makes_spans(kind(stock))
    assert private.makes_spans(Holder(Holder(kind(stock))))
    assert not private.makes_spans(Holder(Holder(stock)))
    assert below_instrumentation(kind(kind(stock))) is stock


def test_wrappers_of_others_are_not_taken_for_the_instrumentation(monkeypatch: pytest.MonkeyPatch) -> None:
    stock = httpx.HTTPTransport.handle_request

    @functools.wraps(stock)
    def logged(self: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        return stock(self, request)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", logged)
    assert not private.makes_spans(httpx.HTTPTransport())


@pytest.mark.parametrize("transport", [None, object()])
def test_what_is_no_transport_makes_no_spans(transport: object) -> None:
    assert not private.makes_spans(transport)
