"""Endpoints, and the one place where the newest complete set of them is published.

Snapshots are immutable and complete, never deltas. An `Endpoint` keeps its identity (its address) over snapshots, so
what was learnt about it survives a flapping source.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from meshlib.runtime.signal import Signal

if TYPE_CHECKING:
    from meshlib.call import Attempt
    from meshlib.stats.ewma import PeakEwma


class Permit(Protocol):
    """What `Gate.admit` gives: the right to send one attempt. Settled exactly once, by the breaker layer."""

    trial: bool


class Gate(Protocol):
    """An endpoint's breaker, as the balancer sees it."""

    def admit(self, now: float, attempt: Attempt) -> Permit | None:
        """Let one attempt through (a trial lease is taken here), or refuse with None."""

    def due(self, now: float) -> bool:
        """Whether the endpoint is open and its time is up: the next attempt may be its trial."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where an endpoint is dialled: an IP address or name and a port (None: the URL's), or a Unix socket's path."""

    host: str
    port: int | None = None
    uds: str | None = None

    def __str__(self) -> str:
        if self.uds is not None:
            return f"unix:{self.uds}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"


class Endpoint:
    """One address which serves a service, and what is known about it in this process.

    `in_flight` counts attempts begun and not released; `added_at` is None for the members of the first set (they need
    no slow start); `gone` is set when a snapshot no longer has it.
    """

    __slots__ = ("added_at", "address", "gate", "gone", "in_flight", "load", "name")

    def __init__(self, address: Address, added_at: float | None = None) -> None:
        self.address = address
        self.name = str(address)
        self.added_at = added_at
        self.in_flight = 0
        self.load: PeakEwma | None = None
        self.gate: Gate | None = None
        self.gone = False

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
    """Holder of a service's newest `EndpointSet`; `current` is read by the request path without a lock.

    `first` is set with the first snapshot. `start` begins discovery when the first call needs it, and is called by
    whoever waits for `first`; `changed` is called after each publication, with the added and removed names.
    """

    start: Callable[[], None] | None = None
    changed: Callable[[tuple[str, ...], tuple[str, ...]], None] | None = None
    current: EndpointSet | None = None
    first: Signal = field(default_factory=Signal)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def publish(self, addresses: Sequence[Address], now: float) -> None:
        """Make `addresses` (complete, in the source's order, without repetition) the current set."""
        with self._lock:
            old = {e.name: e for e in self.current.endpoints} if self.current else {}
            added_at = now if self.current else None
            new = tuple(self._keep(old, address, added_at) for address in dict.fromkeys(addresses))
            version = self.current.version + 1 if self.current else 1
            added = tuple(e.name for e in new if e.added_at == now) if version > 1 else tuple(e.name for e in new)
            for endpoint in old.values():
                endpoint.gone = True
            self.current = EndpointSet(new, version, now)
        self.first.set()
        if self.changed is not None and (added or old):
            self.changed(added, tuple(old))

    @staticmethod
    def _keep(old: dict[str, Endpoint], address: Address, added_at: float | None) -> Endpoint:
        name = str(address)
        return old.pop(name) if name in old else Endpoint(address, added_at)
