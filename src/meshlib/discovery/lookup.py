"""The contract of a source: asked, it gives a complete answer or raises. It holds no timer and publishes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class LookupFailed(Exception):
    """A source gave no usable answer; the text says why, and is what `DiscoveryFailed.error` shows."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything a source knows about a name: hosts or IP addresses with their port (None: the service's).

    Complete, never a delta. `ttl` is how many seconds it holds, None where the source does not say.
    """

    entries: tuple[tuple[str, int | None], ...]
    ttl: float | None = None


class Lookup(Protocol):
    """One name at one source. Both ways of asking give the same answer, and raise LookupFailed."""

    async def resolve(self) -> Answer:
        """Ask from the control loop."""

    def resolve_blocking(self, timeout: float | None) -> Answer:
        """Ask from a caller's thread, in a process whose control loop shows no life; `timeout` in seconds."""
