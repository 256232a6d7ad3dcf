"""The span and the duration of one attempt, where meshlib makes them.

As in OpenTelemetry's own instrumentation, both end when the headers have come, or, where the body is read within the
attempt, with the body. The two agree, as the conventions ask.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.context import attach, detach
from opentelemetry.trace import SpanKind, StatusCode, set_span_in_context

from meshlib.layers.tracing.attributes import answered, error_type, measured, resends, routed, span_name, traced

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

    from meshlib.call import Attempt
    from meshlib.layers.tracing.attributes import Attributes
    from meshlib.layers.tracing.instruments import Instruments


class AttemptSpan:
    """Begins when it is made; `end` must be called once, in the same context.

    `tracer` and `instruments` are None where nobody records.
    """

    __slots__ = ("_attempt", "_instruments", "_labels", "_resends", "_span", "_started", "_token")

    def __init__(self, attempt: Attempt, tracer: Tracer | None, instruments: Instruments | None) -> None:
        self._attempt = attempt
        self._instruments = instruments
        self._labels = measured(attempt.request)
        self._started = attempt.runtime.now()
        self._span: Span | None = None
        if tracer is not None:
            request = attempt.request
            shown = traced(request, self._labels)
            self._span = span = tracer.start_span(span_name(request.method), kind=SpanKind.CLIENT, attributes=shown)
            self._resends = resends(attempt.call) if span.is_recording() else 0
            self._token = attach(set_span_in_context(span))

    def end(self, response: Any, error: BaseException | None = None) -> None:
        """The headers have come, or the attempt failed with `error`."""
        span, instruments = self._span, self._instruments
        recording = span is not None and span.is_recording()
        if recording or instruments is not None:
            found: Attributes = answered(response) if error is None else {"error.type": error_type(error)}
            if instruments is not None:  # while the span is current, so that the metric can name it as an example
                seconds = self._attempt.runtime.now() - self._started
                instruments.request_duration.record(seconds, {**self._labels, **found})
            if span is not None and recording:
                span.set_attributes(routed(self._attempt, self._resends, found))
                if "error.type" in found:
                    set_outcome(span, error)
        if span is not None:
            detach(self._token)
            span.end()


def set_outcome(span: Span, error: BaseException | None) -> None:
    """Status and exception of what failed. A cancellation is nobody's failure and leaves the status as it is."""
    if isinstance(error, Exception):
        span.record_exception(error)
        span.set_status(StatusCode.ERROR, f"{type(error).__name__}: {error}")
    elif error is None:
        span.set_status(StatusCode.ERROR)
