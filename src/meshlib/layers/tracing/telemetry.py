"""What OpenTelemetry gives this process now: a tracer and instruments, or nothing while nobody set a provider.

The layers ask before each call, for an application may set its providers after the first chain was built; and nothing
at all is made while there are none. One object for the process: an instrument must not be created twice.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING

from opentelemetry import metrics, trace

from meshlib.layers.tracing import private
from meshlib.layers.tracing.instruments import Instruments
from meshlib.runtime.fork import new_lock

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Tracer, TracerProvider

SCOPE = "meshlib"
SCHEMA = "https://opentelemetry.io/schemas/1.23.1"  # the first with stable conventions for HTTP


class Telemetry:
    """Tracer and instruments of the providers that are set at the moment."""

    def __init__(self) -> None:
        self._lock = new_lock()
        self._version = version("meshlib-client")
        self._tracer: tuple[TracerProvider | None, Tracer | None] = (None, None)
        self._instruments: tuple[MeterProvider | None, Instruments | None] = (None, None)
        trace.get_tracer_provider()  # these two load what the environment names, which the fast look below does not
        metrics.get_meter_provider()

    def tracer(self) -> Tracer | None:
        """The tracer for spans; None while no span can be recorded."""
        provider = private.tracer_provider()
        known, tracer = self._tracer
        return tracer if provider is known else self._new_tracer(provider)

    def instruments(self) -> Instruments | None:
        """The instruments of all metrics; None while nothing is measured."""
        provider = private.meter_provider()
        known, instruments = self._instruments
        return instruments if provider is known else self._new_instruments(provider)

    def _new_tracer(self, provider: TracerProvider | None) -> Tracer | None:
        tracer = provider.get_tracer(SCOPE, self._version, SCHEMA) if provider is not None else None
        tracer = None if isinstance(tracer, trace.NoOpTracer) else tracer
        self._tracer = (provider, tracer)
        return tracer

    def _new_instruments(self, provider: MeterProvider | None) -> Instruments | None:
        with self._lock:
            known, instruments = self._instruments
            if provider is known:  # another thread was faster
                return instruments
            meter = provider.get_meter(SCOPE, self._version, SCHEMA) if provider is not None else None
            instruments = None if meter is None or isinstance(meter, metrics.NoOpMeter) else Instruments(meter)
            self._instruments = (provider, instruments)
            return instruments


@cache
def telemetry() -> Telemetry:
    """The one of this process."""
    return Telemetry()
