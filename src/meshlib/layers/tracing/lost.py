"""The durations that OpenTelemetry's own instrumentation loses: it records an attempt only if that returned a response.

They go into the metric which that instrumentation keeps for the others, with its labels, so that the two together count
each attempt once. Which metric that is, OTEL_SEMCONV_STABILITY_OPT_IN decides: `http.client.duration` in milliseconds
by default, `http.client.request.duration` in seconds with `http`, both with `http/dup`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from meshlib.layers.tracing.attributes import METHODS, error_type, measured

if TYPE_CHECKING:
    from meshlib.layers.tracing.instruments import Instruments

OPT_IN = "OTEL_SEMCONV_STABILITY_OPT_IN"


class LostDurations:
    """Reads the environment once, as the instrumentation does."""

    def __init__(self) -> None:
        chosen = {part.strip() for part in os.environ.get(OPT_IN, "").split(",")}
        self._stable = bool(chosen & {"http", "http/dup"})
        self._old = "http/dup" in chosen or "http" not in chosen

    def record(self, instruments: Instruments, request: Any, seconds: float, error: BaseException) -> None:
        """An attempt raised `error` after `seconds`, before any headers came."""
        if self._stable:
            labels = {**measured(request), "error.type": error_type(error)}
            if request.url.port is None:  # the instrumentation has it only where the URL has it
                labels.pop("server.port", None)
            instruments.request_duration.record(seconds, labels)
        if self._old:
            method = request.method if request.method in METHODS else "_OTHER"
            labels = {"http.method": method, "http.scheme": request.url.scheme}
            instruments.old_request_duration.record(round(seconds * 1000), labels)
