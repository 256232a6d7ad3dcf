"""What joins one service to its source: it begins when the first call needs it, publishes, reports and ends."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from meshlib.discovery import policy
from meshlib.discovery.addresses import usable
from meshlib.discovery.lookup import LookupFailed
from meshlib.discovery.process import process
from meshlib.discovery.sources import lookup_for
from meshlib.endpoint import Address
from meshlib.events import DiscoveryFailed, EndpointsChanged
from meshlib.runtime.control import ControlRuntime
from meshlib.runtime.fork import new_rlock, register

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meshlib.discovery.config import Source
    from meshlib.endpoint import Endpoints
    from meshlib.events import Event

_log = logging.getLogger("meshlib.discovery")
_clock = ControlRuntime()


def watch(source: Source, endpoints: Endpoints, *, service: str, emit: Callable[[Event], None]) -> Watch | None:
    """Let `source` fill `endpoints`, from the first call that needs them; a static set is published at once.

    Emits EndpointsChanged and DiscoveryFailed, mostly from the control loop's thread. `close()` of what is returned
    ends it; a watch whose `endpoints` are dropped ends by itself. For a static set there is nothing to end: None.
    """

    def changed(added: tuple[str, ...], removed: tuple[str, ...]) -> None:
        emit(EndpointsChanged(_clock.now(), service, added, removed))

    endpoints.changed = changed
    if source.scheme == "static":
        endpoints.publish(source.addresses, _clock.now())
        return None
    found = Watch(source, endpoints, service, emit)
    endpoints.start, endpoints.patience, endpoints.resolve_now = found.start, found.patience, found.resolve_now
    return found


class Watch:
    """One service that wants the answers of a source. `heard` is set by the control loop when it takes this up.

    The control loop holds it weakly; it lives as long as its `endpoints`.
    """

    _warned = False

    def __init__(self, source: Source, endpoints: Endpoints, service: str, emit: Callable[[Event], None]) -> None:
        self.lookup = lookup_for(source)  # here, so that what it imports is paid for with the Mesh, not with a call
        self._source = source
        self.key = (source.scheme, source.server, source.name)
        self.heard = False
        self.closed = False
        self._endpoints = endpoints
        self._service = service
        self._emit = emit
        self._asked_at: float | None = None
        self._logged_at: float | None = None
        self._failures = 0
        self._not_before = -math.inf
        self._resolving = new_rlock()
        register(self)

    def start(self) -> None:
        """Have the control loop take this up; cheap where it has done so."""
        if self.heard or self.closed:
            return
        if self._asked_at is None:
            self._asked_at = _clock.now()
        process.loop.subscribe(self)

    def after_fork(self) -> None:
        """The parent's loop does not run in a forked child: till one does there, nobody vouches for the set."""
        if not self.closed:
            self.heard, self._asked_at, self._endpoints.stale_at = False, None, -math.inf

    def close(self) -> None:
        """End it; what was published stays, and nobody waits any longer for what was not."""
        self.closed = True
        self._endpoints.first.set()
        process.loop.unsubscribe(self)

    def patience(self, now: float) -> float:
        """Seconds after which the control loop counts as dead; infinite once it was heard."""
        return policy.patience(self.heard, self._asked_at, now)

    def publish(self, addresses: Sequence[Address], now: float, stale_at: float = math.inf) -> None:
        """Make a good answer the service's set, unless it is that already."""
        with_port = [Address(a.host, a.port or self._source.port) for a in addresses]
        current = self._endpoints.current
        self._failures = 0
        with process.publishing:
            if current is not None and {e.address for e in current.endpoints} == set(with_port):
                self._endpoints.confirm(now, stale_at)
            elif not self.closed:
                self._endpoints.publish(with_port, now, stale_at)

    def fail(self, error: str, now: float) -> None:
        """Report an unusable answer. The last good set stays, and a living loop goes on vouching for it."""
        self._emit(DiscoveryFailed(now, self._service, error))
        if self.heard:
            self._endpoints.stale_at = math.inf
        if policy.may_log(self._logged_at, now):
            self._logged_at = now
            kept = "has no endpoints yet" if self._endpoints.current is None else "keeps its last good endpoints"
            _log.warning("service %s %s: %s: %s", self._service, kept, self._source, error)

    def resolve_now(self, now: float, timeout: float | None) -> None:
        """Look up in the calling thread, for want of a control loop: one caller at a time, once per TTL."""
        if timeout is not None and timeout <= 0:
            return
        if not self._resolving.acquire(blocking=self._endpoints.current is None):
            return  # another caller is at it, and there is a set to go on with
        try:
            if self._endpoints.fresh(now) is None and now >= self._not_before:
                self._warn_once()
                self._resolve(now, timeout)
        finally:
            self._resolving.release()

    def _resolve(self, now: float, timeout: float | None) -> None:
        try:
            answer = self.lookup.resolve_blocking(timeout)
            self.publish(usable(answer), now, now + policy.lifetime(answer.ttl))
        except Exception as error:  # noqa: BLE001 - a source must never hurt a call that has a set to go on with
            self._failures += 1
            pause = policy.retry_in(self._failures, self._endpoints.current is not None, _clock.rng)
            self._not_before = self._endpoints.stale_at = now + pause
            self.fail(str(error) if isinstance(error, LookupFailed) else repr(error), now)

    def _warn_once(self) -> None:
        if not Watch._warned:
            Watch._warned = True
            _log.warning(
                "the control loop showed no sign of life for %g ms (are threads forbidden here?): calls look up their "
                "endpoints themselves, which blocks them once per TTL",
                policy.LOOP_PATIENCE * 1000,
            )
