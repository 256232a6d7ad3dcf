"""The span and the metrics of one call."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from opentelemetry.context import attach, detach
from opentelemetry.trace import SpanKind, set_span_in_context

from meshlib.layers.tracing.attributes import ERROR_STATUS, Attributes, error_type, span_name
from meshlib.layers.tracing.outcome import outcome
from meshlib.layers.tracing.span import set_outcome

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

    from meshlib.call import Call
    from meshlib.events import Event
    from meshlib.layers.tracing.instruments import Instruments

NAME = "meshlib.call"


class CallRecord:
    """Begins when it is made; `end` must be called once, in the same context.

    `key` is the service's in the configuration. `tracer` is None where no span of the call is wanted or recorded,
    `instruments` where nothing is measured.
    """

    __slots__ = ("_call", "_instruments", "_key", "_span", "_started", "_token")

    def __init__(self, call: Call, key: str | None, tracer: Tracer | None, instruments: Instruments | None) -> None:
        self._call = call
        self._key = key
        self._instruments = instruments
        self._started = call.runtime.now()
        self._span: Span | None = None
        if tracer is not None:
            self._span = tracer.start_span(_name(call), kind=SpanKind.INTERNAL, attributes=_service(call))
            self._token = attach(set_span_in_context(self._span))
        call.watch = self._happened

    def end(self, response: Any, error: BaseException | None = None) -> None:
        """The call returned `response`, or raised `error`."""
        call = self._call
        ended = outcome(response if error is None else error, call.library.hx)
        if self._instruments is not None:
            seconds = call.runtime.now() - self._started
            self._instruments.call(seconds, self._key, ended)
        if self._span is None:
            return
        detach(self._token)
        if self._span.is_recording():
            found = _error(response, error)
            self._span.set_attributes({"meshlib.attempts": call.attempts, "meshlib.outcome": ended, **found})
            if found:
                set_outcome(self._span, error)
        self._span.end()

    def _happened(self, event: Event) -> None:
        """Count the event, and show it on the span. A streamed body may cause some when the span has ended."""
        if self._instruments is not None:
            self._instruments.event(event, self._key)
        if self._span is not None and self._span.is_recording():
            self._span.add_event(event.name, _fields(event))


def _name(call: Call) -> str:
    """The method and the service only: a name per URL would be no name."""
    method = span_name(call.request.method)
    return f"{NAME} {method}" if call.service is None else f"{NAME} {method} {call.service}"


def _service(call: Call) -> Attributes:
    return {} if call.service is None else {"meshlib.service": call.service}


def _error(response: Any, error: BaseException | None) -> Attributes:
    if error is not None:
        return {"error.type": error_type(error)}
    return {"error.type": str(response.status_code)} if response.status_code >= ERROR_STATUS else {}


def _fields(event: Event) -> dict[str, Any]:
    values = ((field.name, getattr(event, field.name)) for field in fields(event) if field.name != "at")
    return {f"meshlib.{name}": value for name, value in values if value is not None}
