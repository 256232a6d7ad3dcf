"""Trace context on its way to the server: the headers of the configured propagator, fresh for every attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import baggage, propagate
from opentelemetry.context import get_current

if TYPE_CHECKING:
    from meshlib.call import Attempt

BAGGAGE = "baggage"


def inject(attempt: Attempt, configured: bool) -> None:
    """Write the current trace context into the attempt's request; a header the caller set himself is replaced.

    Baggage may hold what only the own services should see. It goes to configured services only, and is on the request
    only while it is sent, so that a redirect to another host cannot carry it on.
    """
    current = get_current()
    if not configured and baggage.get_all(current):
        current = baggage.clear(current)
    carrier: dict[str, str] = {}
    propagate.inject(carrier, current)
    passing = carrier.pop(BAGGAGE, None)
    if passing is not None:
        attempt.headers[BAGGAGE] = passing
    for name, value in carrier.items():
        attempt.request.headers[name] = value
