"""What happened in one call: every hop, attempt and decision, with its time.

The journal is the list of the call's events and nothing else, so it can never disagree with what listeners were told.
What every call does is only noted, and becomes an event when somebody reads it: most journals are never read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from meshlib.events import AttemptEnded, AttemptStarted, Event, HopStarted

EXTENSION = "meshlib.journal"
"""The key in `response.extensions`; an error carries its journal as the attribute `journal`."""


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One attempt: `outcome` is a status code, the name of an error, or None while it runs; `ms` ends at the headers.

    `sent` says how much of the request can have left this process: `nothing`, `part` or `all` (where that is unknown).
    """

    number: int
    endpoint: str | None
    outcome: str | None
    ms: float
    sent: str


class Journal:
    """The events of one `client.send()`, over its redirects, auth rounds and retries. `started`: monotonic seconds.

    `entries` are events, and notes of events: what makes one, and its arguments.
    """

    __slots__ = ("entries", "started")

    def __init__(self, started: float) -> None:
        self.started = started
        self.entries: list[Any] = []

    @property
    def events(self) -> list[Event]:
        """Everything that happened, in its order."""
        entries = self.entries
        for index, entry in enumerate(entries):
            if type(entry) is tuple:
                make, values = entry
                entries[index] = make(*values)
        return entries

    @property
    def attempts_started(self) -> int:
        """How many attempts have gone to the wire so far."""
        return sum((e[0] if type(e) is tuple else type(e)) is AttemptStarted for e in self.entries)

    @property
    def attempts(self) -> tuple[AttemptRecord, ...]:
        """Every attempt of every hop, in the order in which they started."""
        return tuple(self._attempts())

    def _attempts(self) -> Iterator[AttemptRecord]:
        begun: AttemptStarted | None = None
        for event in self.events:
            if isinstance(event, AttemptStarted):
                begun = event
            elif isinstance(event, AttemptEnded) and begun is not None:
                yield AttemptRecord(
                    begun.attempt, begun.endpoint, event.outcome, (event.at - begun.at) * 1e3, event.sent
                )
                begun = None
        if begun is not None:
            yield AttemptRecord(begun.attempt, begun.endpoint, None, 0.0, "all")

    @property
    def hops(self) -> tuple[HopStarted, ...]:
        """The requests of the call: the first, then those of redirects and auth rounds."""
        return tuple(e for e in self.events if isinstance(e, HopStarted))

    def __str__(self) -> str:
        return "\n".join(self._line(event) for event in self.events)

    def _line(self, event: Event) -> str:
        values = ((f.name, getattr(event, f.name)) for f in fields(event) if f.name != "at")
        told = "  ".join(f"{name}={_show(value)}" for name, value in values if value is not None)
        return f"{(event.at - self.started) * 1e3:9.1f} ms  {event.name:<16} {told}"


def _show(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def journal(outcome: Any) -> Journal | None:
    """The journal of a response or of an error raised by a meshlib client; None where meshlib did not take part."""
    if isinstance(outcome, BaseException):
        found = getattr(outcome, "journal", None)
    else:
        found = getattr(outcome, "extensions", {}).get(EXTENSION)
    return found if isinstance(found, Journal) else None
