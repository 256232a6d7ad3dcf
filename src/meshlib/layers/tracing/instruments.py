"""The instruments of every metric. All label sets are bounded: no URL, no endpoint, no exception of the application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshlib.events import BreakerChanged, Event, PanicChanged, RetryScheduled, RetryStopped, WouldHave

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter

    from meshlib.layers.tracing.attributes import Attributes

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""Bounds of the semantic conventions for durations of HTTP."""

MILLISECONDS = (0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000)
"""Bounds of the same metric under the conventions before 1.23, which had another name and unit."""

COUNTED: dict[type[Event], tuple[str, ...]] = {
    RetryScheduled: ("reason",),
    RetryStopped: ("reason",),
    BreakerChanged: ("state",),
    PanicChanged: ("active",),
    WouldHave: ("layer",),
}
"""Events that are counted as `meshlib.<name of the event>`, and which of their fields become labels."""


class Instruments:
    """The instruments of one meter."""

    def __init__(self, meter: Meter) -> None:
        self.request_duration = meter.create_histogram(
            "http.client.request.duration",
            "s",
            "Duration of HTTP client requests: each attempt is one.",
            explicit_bucket_boundaries_advisory=SECONDS,
        )
        self.old_request_duration = meter.create_histogram(
            "http.client.duration",
            "ms",
            "measures the duration of the outbound HTTP request",
            explicit_bucket_boundaries_advisory=MILLISECONDS,
        )
        self.call_duration = meter.create_histogram(
            "meshlib.call.duration",
            "s",
            "Duration of calls, with all their attempts and back-off.",
            explicit_bucket_boundaries_advisory=SECONDS,
        )
        self._counters = {
            kind: meter.create_counter(f"meshlib.{kind.name}", "{event}", kind.__doc__ or "") for kind in COUNTED
        }

    def call(self, seconds: float, key: str | None, outcome: str) -> None:
        """A call of the service configured under `key` has ended.

        Its attempts are not counted once more, for that costs as much again: there is one for the call, and one for
        each `meshlib.retry.scheduled`.
        """
        self.call_duration.record(seconds, {"meshlib.outcome": outcome, **_of(key)})

    def event(self, event: Event, key: str | None) -> None:
        """Count an event, if it is one that is counted."""
        names = COUNTED.get(type(event))
        if names is not None:
            labels = {f"meshlib.{name}": getattr(event, name) for name in names}
            self._counters[type(event)].add(1, {**labels, **_of(key)})


def _of(key: str | None) -> Attributes:
    """The service as it is configured: the hosts that a pattern matches, or nobody named, are not bounded."""
    return {} if key is None else {"meshlib.service": key}
