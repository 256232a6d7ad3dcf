"""Which sections there are, and which DESIGN names but nothing reads yet: those are refused, never ignored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshlib.layers.attempt.config import Attempt
from meshlib.layers.balance.config import Balance
from meshlib.layers.breaker.config import Breaker
from meshlib.layers.deadline.config import Deadline
from meshlib.layers.retry.config import Retry
from meshlib.layers.tracing.config import Tracing
from meshlib.wire.config import Tls, Wire

if TYPE_CHECKING:
    from meshlib.config.section import Section

SECTIONS: dict[str, type[Section]] = {
    model.section: model for model in (Retry, Deadline, Attempt, Balance, Breaker, Tracing, Wire, Tls)
}
NOT_BUILT = ("limit", "hedge", "throttle", "outlier", "fault", "mirror", "route", "health", "identity")
SERVICE_KEYS = {
    "discovery": "Where the service's endpoints are found: one URL.",
    "hosts": "Further names, with or without a port, that mean this service.",
    "endpoints": 'A fixed set of endpoints: a list of tables such as `{ address = "10.0.0.1:8080" }`.',
}
UNCONFIGURED = ("safe", "mesh", "direct", "refuse")
