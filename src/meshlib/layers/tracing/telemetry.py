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
from meshlib.runtime.fork import new_lock, new_rlock

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Tracer, TracerProvider

    Providers = tuple[TracerProvider | None, MeterProvider | None]
    Recorders = tuple[Tracer | None, Instruments | None]

SCOPE = "meshlib"
SCHEMA = "https://opentelemetry.io/schemas/1.23.1"  # the first with stable conventions for HTTP


class Telemetry:
    """Tracer and instruments of the providers that are set at the moment."""

    def __init__(self) -> None:
        self._lock = new_lock()
        self._version = version("meshlib-client")
        self._found: tuple[Providers, Recorders] = ((None, None), (None, None))
        trace.get_tracer_provider()  # these two load what the environment names, which the fast look below does not
        metrics.get_meter_provider()

    def recorders(self) -> Recorders:
        """The tracer for spans, None while no span can be recorded; the instruments, None while nothing is measured."""
        providers = private.providers()
        known, recorders = self._found
        if providers[0] is known[0] and providers[1] is known[1]:
            return recorders
        return self._renew(providers)

    def _renew(self, providers: Providers) -> Recorders:
        with self._lock:
            known, (tracer, instruments) = self._found
            if providers[0] is not known[0]:
                tracer = self._new_tracer(providers[0])
            if providers[1] is not known[1]:
                instruments = self._new_instruments(providers[1])
            self._found = (providers, (tracer, instruments))
            return tracer, instruments

    def _new_tracer(self, provider: TracerProvider | None) -> Tracer | None:
        tracer = provider.get_tracer(SCOPE, self._version, SCHEMA) if provider is not None else None
        return None if isinstance(tracer, trace.NoOpTracer) else tracer

    def _new_instruments(self, provider: MeterProvider | None) -> Instruments | None:
        meter = provider.get_meter(SCOPE, self._version, SCHEMA) if provider is not None else None
        return None if meter is None or isinstance(meter, metrics.NoOpMeter) else Instruments(meter)


def telemetry() -> Telemetry:
    """The one of this process."""
    with _making:
        return _the_one()


@cache
def _the_one() -> Telemetry:
    return Telemetry()


_making = new_rlock()  # for `cache` alone would make two where two threads ask at once
