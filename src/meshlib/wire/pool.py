"""The connections to one endpoint for one origin: which are idle, and how long one may be.

Keyed by what must never be mixed up (endpoint, origin of the URL, TLS, event loop). The last one used is used next, so
that those which are not needed grow old and close. All state changes in `slots.py`.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from meshlib.runtime.signal import Signal
    from meshlib.wire.connection import Connection
    from meshlib.wire.home import Home
    from meshlib.wire.http2 import Shared
    from meshlib.wire.slots import Ticket

UNKNOWN = 5.0
"""Seconds that a connection may be idle where the server has said nothing: httpx's own default."""

MARGIN = 0.8
"""Of the time a server announces, or was seen to keep connections: whoever closes first must be we, or a request is
written into a closing connection."""

LEARNT_FOR = 300.0
"""Seconds for which a lesson holds: a restart also closes idle connections, and teaches something wrong."""

LEAST = 0.1
"""Seconds: a lesson from a connection younger than this is none."""


class Pool:
    """`cap`: connections open or being dialled at most. `limit`: seconds that one may be idle, as the user said.

    For HTTP/2 (`http2.py`): `shared` is the connection that takes requests, `flight` is set when a dial has ended.
    """

    __slots__ = (
        "announced",
        "cap",
        "draining",
        "endpoint",
        "flight",
        "home",
        "idle",
        "learnt",
        "learnt_until",
        "limit",
        "open",
        "origin",
        "shared",
        "speaks_http1",
        "used_at",
        "waiting",
    )

    def __init__(self, home: Home, endpoint: Any, origin: Any, cap: float, limit: float | None) -> None:
        self.home = home
        self.origin = origin
        self.endpoint = endpoint
        self.cap = cap
        self.limit = math.inf if limit is None else limit
        self.open = 0
        self.idle: OrderedDict[Connection, None] = OrderedDict()
        self.waiting: OrderedDict[Ticket, None] = OrderedDict()
        self.draining = False
        self.announced: float | None = None
        self.learnt = math.inf
        self.learnt_until = -math.inf
        self.used_at = 0.0
        self.shared: Shared | None = None
        self.flight: Signal | None = None
        self.speaks_http1 = False

    def idle_for(self, now: float) -> float:
        """Seconds for which a connection that is free now may be kept."""
        if self.announced is None:
            allowed = self.limit
        elif self.limit == UNKNOWN:  # httpx's default, which nobody chose: the server knows better
            allowed = self.announced * MARGIN
        else:
            allowed = min(self.limit, self.announced * MARGIN)
        return min(allowed, self.learnt) if now < self.learnt_until else allowed

    def learn(self, seconds: float, now: float) -> None:
        """The server has closed a connection that had been idle for so long."""
        if seconds >= LEAST:
            self.learnt = min(seconds * MARGIN, self.learnt if now < self.learnt_until else math.inf)
            self.learnt_until = now + LEARNT_FOR
