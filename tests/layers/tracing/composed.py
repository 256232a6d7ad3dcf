"""One composition of meshlib with OpenTelemetry's instrumentation, in a process of its own, for it patches classes.

`python -m tests.layers.tracing.composed NAME` sends a request for each kind of client, with and without a call span,
and prints as JSON what was recorded and what came in. `test_composition.py` says what it must be.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http")

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.layers.tracing.replicas import Replicas, replicas

NAME = sys.argv[1]
SPANS = InMemorySpanExporter()
READER = InMemoryMetricReader()
if not NAME.endswith("_without_sdk"):
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(SPANS))
    trace.set_tracer_provider(provider)
    metrics.set_meter_provider(MeterProvider([READER], shutdown_on_exit=False))


def instrumentor(name: str) -> Any:
    import opentelemetry.instrumentation.httpx as contrib

    return contrib.HTTPXClientInstrumentor() if name == "httpx" else contrib.HTTPX2ClientInstrumentor()


def instrument() -> None:
    instrumentor("httpx").instrument()
    instrumentor("httpx2").instrument()


BASE = NAME.removesuffix("_without_sdk")
if BASE == "instrument_before_import":
    instrument()

import httpx  # noqa: E402 - this order is what one of the compositions is about
import httpx2  # noqa: E402

import meshlib  # noqa: E402
import meshlib.httpx2  # noqa: E402


@dataclass
class Kind:
    """A kind of client: the stock module, ours on it, and whether it is async."""

    library: str
    asynchronous: bool

    @property
    def stock(self) -> Any:
        return getattr(httpx if self.library == "httpx" else httpx2, "AsyncClient" if self.asynchronous else "Client")

    @property
    def ours(self) -> Any:
        return getattr(self._module, "AsyncClient" if self.asynchronous else "Client")

    @property
    def our_transport(self) -> Any:
        return getattr(self._module, "AsyncHTTPTransport" if self.asynchronous else "HTTPTransport")

    @property
    def stock_transport(self) -> Any:
        module = httpx if self.library == "httpx" else httpx2
        return module.AsyncHTTPTransport if self.asynchronous else module.HTTPTransport

    def traced(self, transport: Any) -> Any:
        import opentelemetry.instrumentation.httpx as contrib

        kind = "Async" if self.asynchronous else "Sync"
        suffix = "" if self.library == "httpx" else "Httpx2"
        return getattr(contrib, f"{kind}OpenTelemetryTransport{suffix}")(transport)

    @property
    def _module(self) -> Any:
        return meshlib if self.library == "httpx" else meshlib.httpx2

    @property
    def mock(self) -> Any:
        module = httpx if self.library == "httpx" else httpx2
        left = [503, 200]
        return module.MockTransport(lambda request: module.Response(left.pop(0)))


KINDS = [Kind(library, asynchronous) for library in ("httpx", "httpx2") for asynchronous in (False, True)]


def client(kind: Kind, mesh: Any) -> Any:
    """The client of this composition."""
    tool = instrumentor(kind.library) if "client" in BASE or "door" in BASE else None
    match BASE:
        case "client_before_wrap":
            made = kind.stock()
            tool.instrument_client(made)
            return meshlib.wrap(made, mesh=mesh)
        case "client_after_wrap":
            made = meshlib.wrap(kind.stock(), mesh=mesh)
            tool.instrument_client(made)
            return made
        case "client_on_ours" | "doubled_by_client" | "uninstrument_client":
            made = kind.ours(mesh=mesh)
            tool.instrument_client(made)
            if BASE == "uninstrument_client":
                tool.uninstrument_client(made)
            return made
        case "explicit_ours":
            return kind.ours(transport=kind.traced(kind.our_transport(mesh=mesh)), mesh=mesh)
        case "explicit_stock" | "doubled_by_transport":
            return kind.ours(transport=kind.traced(kind.stock_transport()), mesh=mesh)
        case "explicit_mock":
            return kind.ours(transport=kind.traced(kind.mock), mesh=mesh)
        case "door_instrumented":
            made = kind.stock(transport=kind.our_transport(mesh=mesh))
            tool.instrument_client(made)
            return made
        case "door" | "door_globally":
            return kind.stock(transport=kind.our_transport(mesh=mesh))
        case _:
            return kind.ours(mesh=mesh)


def context() -> AbstractContextManager[Any]:
    if not BASE.startswith("suppressed"):
        return nullcontext()
    from opentelemetry.instrumentation.utils import suppress_http_instrumentation

    return suppress_http_instrumentation()


async def fetch(kind: Kind, made: Any, url: str) -> Any:
    if kind.asynchronous:
        async with made:
            return await made.get(url)
    with made:
        return made.get(url)


def span(found: Any) -> dict[str, Any]:
    return {
        "name": found.name,
        "kind": found.kind.name,
        "scope": found.instrumentation_scope.name,
        "id": f"{found.context.span_id:016x}",
        "parent": f"{found.parent.span_id:016x}" if found.parent else None,
        "attributes": dict(found.attributes),
    }


def case(kind: Kind, call_span: bool, log: Replicas) -> dict[str, Any]:
    """Send one request under a span of the application."""
    foreign = BASE in ("explicit_stock", "doubled_by_transport")  # it dials the URL's own host
    host, port = ("localhost", log.ports[0]) if foreign else ("payment-service", 80)
    name = "localhost" if foreign else "payment-service"
    endpoints = ",".join(f"127.0.0.1:{p}" for p in log.ports)
    service = meshlib.Service(f"static://{endpoints}", tracing={"call_span": call_span}, retry={"backoff": 0.001})
    path = f"/{kind.library}/{kind.asynchronous}/{call_span}" + ("/excluded" if BASE.startswith("excluded") else "")
    with meshlib.Mesh(services={name: service}) as mesh:
        made = client(kind, mesh)
        with trace.get_tracer("application").start_as_current_span("caller"), context():
            response = asyncio.run(fetch(kind, made, f"http://{host}:{port}{path}"))
    finished = sorted(SPANS.get_finished_spans(), key=lambda s: s.start_time)
    SPANS.clear()
    return {
        "case": f"{kind.library} {'async' if kind.asynchronous else 'sync'} call_span={call_span}",
        "call_span": call_span,
        "status": response.status_code,
        "traceparent": response.request.headers.get("traceparent"),
        "came_in": log.take(),
        "spans": [span(s) for s in finished],
    }


def failing(kind: Kind) -> None:
    """One attempt that raises: nobody listens there."""
    service = meshlib.Service("static://127.0.0.1:1", retry=False)
    with meshlib.Mesh(services={"dead-service": service}) as mesh:
        made = kind.ours(mesh=mesh)
        try:
            asyncio.run(fetch(kind, made, "http://dead-service/"))
        except (httpx.ConnectError, httpx2.ConnectError):
            SPANS.clear()
        else:
            raise AssertionError("somebody listens")


def durations() -> Iterator[tuple[str, dict[str, Any], int]]:
    data = READER.get_metrics_data()
    for resource in data.resource_metrics if data else ():
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                if metric.name in ("http.client.request.duration", "http.client.duration"):
                    for point in metric.data.data_points:
                        yield metric.name, dict(point.attributes), point.count


SET_UP: dict[str, Callable[[], None]] = {
    "instrument_after_import": instrument,
    "door_globally": instrument,
    "doubled_by_client": instrument,
    "doubled_by_transport": instrument,
    "excluded_instrumented": instrument,
    "suppressed_instrumented": instrument,
    "uninstrument": lambda: (instrument(), instrumentor("httpx").uninstrument(), instrumentor("httpx2").uninstrument())[
        0
    ],
    "durations_instrumented": instrument,
}


def main() -> None:
    SET_UP.get(BASE, lambda: None)()
    if BASE.startswith("durations"):
        for kind in KINDS:
            failing(kind)
        print(json.dumps(list(durations())))
        return
    with replicas() as log:
        print(json.dumps([case(kind, call_span, log) for kind in KINDS for call_span in (True, False)]))


main()
