"""Endpoints, and the one place where the newest complete set of them is published.

Snapshots are immutable and complete, never deltas. An `Endpoint` keeps its identity (its address) over snapshots, and
for a minute after it has left them, so what was learnt about it survives a flapping source.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from meshlib.runtime.fork import new_lock, register
from meshlib.runtime.signal import Signal

if TYPE_CHECKING:
    from meshlib.call import Attempt
    from meshlib.runtime.base import Runtime
    from meshlib.stats.ewma import PeakEwma


REMEMBERED = 60.0  # seconds for which an endpoint that left is the same one when it comes back


class Permit(Protocol):
    """What `Gate.admit` gives: the right to send one attempt. Settled exactly once, by the breaker layer."""

    trial: bool


class Gate(Protocol):
    """An endpoint's breaker, as the balancer sees it."""

    def admit(self, now: float, attempt: Attempt) -> Permit | None:
        """Let one attempt through (a trial lease is taken here), or refuse with None."""

    def due(self, now: float) -> bool:
        """Whether the endpoint is open and its time is up: the next attempt may be its trial."""

    def refusal(self, now: float) -> str:
        """Why `admit` refuses, for an error's text."""

    @property
    def state(self) -> str:
        """`closed`, `open` or `half_open`, for people."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where an endpoint is dialled: an IP address or name and a port (None: the URL's), or a Unix socket's path.

    `by_hand`: somebody wrote the address into the configuration, so that no address policy stands above it.
    """

    host: str
    port: int | None = None
    uds: str | None = None
    by_hand: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        if self.uds is not None:
            return f"unix:{self.uds}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"


class Endpoint:
    """One address which serves a service, and what is known about it in this process.

    `busy` has one entry for each attempt begun and not released: appending and popping are single operations in every
    build of Python, so that no update is lost between threads or to a finalizer, and no lock is taken. An attempt pops
    from the list it was counted in, and a forked child begins with a new one: the parent's attempts end in the parent.
    `added_at` is None for the members of the first set (they need no slow start). `gone` is set when a snapshot leaves
    it out.
    """

    __slots__ = ("added_at", "address", "busy", "gate", "gone", "load", "name")

    def __init__(self, address: Address, added_at: float | None = None) -> None:
        self.address = address
        self.name = str(address)
        self.added_at = added_at
        self.busy: list[None] = []
        self.load: PeakEwma | None = None
        self.gate: Gate | None = None
        self.gone = False

    @property
    def in_flight(self) -> int:
        """Attempts begun and not released."""
        return len(self.busy)

    def __repr__(self) -> str:
        return f"<Endpoint {self.name} in_flight={self.in_flight}>"


@dataclass(frozen=True, slots=True, eq=False)
class EndpointSet:
    """A complete snapshot. `at` is when it was published, `version` counts snapshots of this service."""

    endpoints: tuple[Endpoint, ...]
    version: int
    at: float


@dataclass(eq=False)
class Endpoints:
    """Holder of a service's newest `EndpointSet`; the request path reads it with `fresh(now)`, without a lock.

    `first` is set with the first snapshot. `start` begins discovery when the first call needs it, and may be called
    again; `changed` is called after each publication, with the added and removed names. `first_set` below is the way to
    wait.

    Discovery works in the control loop. For a process where that loop shows no life there are two more: `patience(now)`
    is how many seconds from now the loop may still take until it counts as dead (infinite once it has been heard), and
    `resolve_now(now, timeout)` lets the caller make the look-up itself, blocking. A set found so is good until
    `stale_at`, a point in time; one published by the loop is good until the next. `answered_at` is when a source last
    gave a usable answer, also one that changed nothing.

    `used` is what the balancer makes of `current`: all of it, or a subset. `open` are the endpoints whose breakers are
    not closed, in the order in which they opened; the breaker writes it, the balancer reads it.
    """

    start: Callable[[], None] | None = None
    changed: Callable[[tuple[str, ...], tuple[str, ...]], None] | None = None
    patience: Callable[[float], float] | None = None
    resolve_now: Callable[[float, float | None], None] | None = None
    current: EndpointSet | None = None
    used: EndpointSet | None = None
    open: tuple[Endpoint, ...] = ()
    stale_at: float = math.inf
    answered_at: float | None = None
    first: Signal = field(default_factory=Signal)
    _lock: threading.Lock = field(default_factory=new_lock)
    _left: dict[str, tuple[float, Endpoint]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        register(self)

    def after_fork(self) -> None:
        """In a forked child nothing is in flight yet, and nobody waits for the first set."""
        self.first.after_fork()
        for endpoint in [*(self.current.endpoints if self.current else ()), *(kept[1] for kept in self._left.values())]:
            endpoint.busy = []

    def fresh(self, now: float) -> EndpointSet | None:
        """The newest set, or None where the caller has to go through `first_set`."""
        return self.current if now < self.stale_at else None

    def publish(self, addresses: Sequence[Address], now: float, stale_at: float = math.inf) -> None:
        """Make `addresses` (complete, in the source's order, without repetition) the current set."""
        with self._lock:
            self._left = {name: kept for name, kept in self._left.items() if now - kept[0] < REMEMBERED}
            old = {e.name: e for e in self.current.endpoints} if self.current else {}
            new = tuple(self._known(address, old, now) for address in dict.fromkeys(addresses))
            names = {e.name for e in new}
            added = tuple(e.name for e in new if e.name not in old)
            removed = tuple(name for name in old if name not in names)
            for name in removed:
                old[name].gone = True
                self._left[name] = (now, old[name])
            self.current = EndpointSet(new, self.current.version + 1 if self.current else 1, now)
            self.confirm(now, stale_at)
        self.first.set()
        if self.changed is not None and (added or removed):
            self.changed(added, removed)

    def confirm(self, now: float, stale_at: float = math.inf) -> None:
        """The source has answered, and nothing has changed."""
        self.answered_at, self.stale_at = now, stale_at

    def _known(self, address: Address, old: dict[str, Endpoint], now: float) -> Endpoint:
        name = str(address)
        endpoint = old.get(name)
        if endpoint is None and name in self._left:
            endpoint = self._left.pop(name)[1]
            endpoint.gone = False
        return endpoint or Endpoint(address, now if self.current else None)


async def first_set(endpoints: Endpoints, runtime: Runtime, timeout: float | None) -> EndpointSet | None:
    """The newest set, waiting up to `timeout` seconds (None: for ever) for the first one; None when none came.

    Begins discovery where that has not happened. If the control loop gives no sign of life for 250 ms, the look-up is
    made here, blocking the calling thread: the emergency of a server that forbids threads or of a frozen process.
    """
    if endpoints.start is not None:
        endpoints.start()
    until = None if timeout is None else runtime.now() + timeout
    if endpoints.current is None:
        patience = _patience(endpoints, runtime.now())
        shorter = timeout if patience == math.inf else patience if timeout is None else min(patience, timeout)
        await runtime.wait(endpoints.first, shorter)
    now = runtime.now()
    if endpoints.fresh(now) is None and _patience(endpoints, now) <= 0 and endpoints.resolve_now is not None:
        endpoints.resolve_now(now, None if until is None else until - now)
    elif endpoints.current is None and (until is None or until > now):
        await runtime.wait(endpoints.first, None if until is None else until - now)
    return endpoints.current


def _patience(endpoints: Endpoints, now: float) -> float:
    return math.inf if endpoints.patience is None else endpoints.patience(now)
