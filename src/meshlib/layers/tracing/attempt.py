"""One client span for each attempt, a sibling of the others under the caller's span, and one duration.

Where OpenTelemetry's own instrumentation makes the span, meshlib makes none: it puts what only it knows on that one,
from below, and measures the attempts which that instrumentation does not. Who makes it is looked up at each attempt,
for an application may instrument a client, or undo it, at any time.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.context import get_current

from meshlib.layers.tracing import private
from meshlib.layers.tracing.decorate import decorate, observed
from meshlib.layers.tracing.exclude import excluded_urls
from meshlib.layers.tracing.lost import LostDurations
from meshlib.layers.tracing.propagate import inject
from meshlib.layers.tracing.span import AttemptSpan
from meshlib.layers.tracing.telemetry import telemetry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from re import Pattern
    from typing import Self

    from opentelemetry.trace import Tracer

    from meshlib.call import Attempt
    from meshlib.layer import Context, Handler, Response
    from meshlib.layers.tracing.instruments import Instruments

INSTRUMENTATION = "opentelemetry.instrumentation.httpx"
"""Never imported here, which would cost 70 ms: while the application has not imported it, it cannot be in use."""


class AttemptSpanLayer:
    """A span and a duration for each attempt.

    Args: `configured` says whether somebody named this service, and baggage may go to it; `excluded` is found in URLs
    that get neither span nor metric nor trace context.
    """

    name = "tracing.attempt"

    def __init__(self, configured: bool, excluded: Pattern[str] | None = None) -> None:
        self._configured = configured
        self._excluded = excluded
        self._telemetry = telemetry()
        self._lost = LostDurations()

    @classmethod
    def build(cls, context: Context) -> Self | None:
        settings = context.settings
        return cls(settings.key is not None, excluded_urls()) if settings.tracing is not None else None

    def describe(self) -> Mapping[str, object]:
        return {"excluded": self._excluded.pattern} if self._excluded is not None else {}

    async def handle(self, inner: Handler, attempt: Attempt) -> Response:
        tracer, instruments = self._telemetry.recorders()
        instrumented = INSTRUMENTATION in sys.modules and private.makes_spans(attempt.call.transport)
        nobody = tracer is None and instruments is None and not instrumented
        if (nobody and not get_current()) or self._unwanted(attempt):
            return await inner(attempt)
        if instrumented:
            return await self._beside(inner, attempt, tracer, instruments)
        span = AttemptSpan(attempt, tracer, instruments)
        if tracer is not None or get_current():
            inject(attempt, self._configured)
        try:
            response = await inner(attempt)
        except BaseException as exc:
            span.end(None, exc)
            raise
        span.end(response)
        return response

    def _unwanted(self, attempt: Attempt) -> bool:
        """The application wants no span here: by the environment, or by `suppress_http_instrumentation()`."""
        if private.suppressed(get_current()):
            return True
        return self._excluded is not None and self._excluded.search(str(attempt.request.url)) is not None

    async def _beside(
        self, inner: Handler, attempt: Attempt, tracer: Tracer | None, instruments: Instruments | None
    ) -> Response:
        """Send the attempt through a transport whose instrumentation makes the span."""
        request, started = attempt.request, attempt.runtime.now()
        extensions = request.extensions
        attempt.decorate = partial(decorate, trace.get_current_span())
        if not attempt.call.pinned and tracer is not None:
            request.extensions = observed(attempt)
        try:
            return await inner(attempt)
        except BaseException as exc:
            if instruments is not None and attempt.returned is None:  # else it was the body that failed
                self._lost.record(instruments, request, attempt.runtime.now() - started, exc)
            raise
        finally:
            request.extensions = extensions
