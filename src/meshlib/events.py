"""The closed set of things that happen. Listeners get them; the journal of a call is made of them.

`name` is `<layer>.<what>`, the same in logs, spans and metrics. `at` is seconds on the runtime's clock.
They are plain slotted dataclasses and not frozen ones, which cost three times as much to make; nobody changes them.
Comparing and showing are written once: generated for each class, they would be half of what `import meshlib` costs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import ClassVar

_log = logging.getLogger("meshlib")


@dataclass(slots=True, eq=False, repr=False)
class Event:
    """Something that happened at `at`. Equal to another of its kind with the same values."""

    name: ClassVar[str] = ""
    at: float

    def values(self) -> tuple[object, ...]:
        """The values of its fields, in their order."""
        return tuple(getattr(self, field.name) for field in fields(self))

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.values() == other.values()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        told = ", ".join(f"{field.name}={getattr(self, field.name)!r}" for field in fields(self))
        return f"{type(self).__name__}({told})"


@dataclass(slots=True, eq=False, repr=False)
class HopStarted(Event):
    """A request of the call starts: the first one, one of a redirect, or one of an auth round."""

    name: ClassVar[str] = "call.hop"
    method: str
    url: str
    service: str | None


@dataclass(slots=True, eq=False, repr=False)
class AttemptStarted(Event):
    """An attempt goes to the wire. `endpoint` is None where httpx dials by itself."""

    name: ClassVar[str] = "attempt.started"
    attempt: int
    endpoint: str | None


@dataclass(slots=True, eq=False, repr=False)
class AttemptEnded(Event):
    """The headers of an attempt have come, or it failed. `outcome` is a status code or the name of an error."""

    name: ClassVar[str] = "attempt.ended"
    attempt: int
    outcome: str
    sent: str


@dataclass(slots=True, eq=False, repr=False)
class BodyBroken(Event):
    """The body of an answer broke, or its time was up, while the caller streamed it."""

    name: ClassVar[str] = "attempt.body_broken"
    attempt: int
    error: str


@dataclass(slots=True, eq=False, repr=False)
class RetryScheduled(Event):
    """Another attempt follows after `delay` seconds, because of `reason`."""

    name: ClassVar[str] = "retry.scheduled"
    attempt: int
    delay: float
    reason: str


@dataclass(slots=True, eq=False, repr=False)
class RetryStopped(Event):
    """A failed call is not tried again: `reason` says which rule forbade it."""

    name: ClassVar[str] = "retry.stopped"
    attempt: int
    reason: str


@dataclass(slots=True, eq=False, repr=False)
class DeadlinePassed(Event):
    """The call's deadline ended it."""

    name: ClassVar[str] = "deadline.passed"
    attempt: int


@dataclass(slots=True, eq=False, repr=False)
class BreakerChanged(Event):
    """An endpoint's breaker went to `state`: `open` (for `seconds`), `half_open` (a trial is out) or `closed`."""

    name: ClassVar[str] = "breaker.changed"
    service: str
    endpoint: str
    state: str
    seconds: float


@dataclass(slots=True, eq=False, repr=False)
class PanicChanged(Event):
    """So many endpoints are open that ejections beyond half of them are not acted on any more (`active`)."""

    name: ClassVar[str] = "breaker.panic"
    service: str
    active: bool
    open_endpoints: int


@dataclass(slots=True, eq=False, repr=False)
class WouldHave(Event):
    """A layer that does not enforce would have done `action`."""

    name: ClassVar[str] = "layer.would_have"
    layer: str
    action: str


@dataclass(slots=True, eq=False, repr=False)
class EndpointsChanged(Event):
    """Discovery published a new, complete set of endpoints."""

    name: ClassVar[str] = "discovery.changed"
    service: str
    added: tuple[str, ...]
    removed: tuple[str, ...]


@dataclass(slots=True, eq=False, repr=False)
class DiscoveryFailed(Event):
    """A source gave no usable answer; the last good set stays in use."""

    name: ClassVar[str] = "discovery.failed"
    service: str
    error: str


Listener = Callable[[Event], None]


def notify(listeners: Sequence[Listener], event: Event) -> None:
    """Tell every listener; one that raises is reported in the log and never hurts a call."""
    for listener in listeners:
        try:
            listener(event)
        except Exception:  # noqa: BLE001 - whatever a listener raises
            _log.exception("a listener failed on %s", event.name)
