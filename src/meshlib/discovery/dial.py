"""Names that no source knows, under `unconfigured = "mesh"`: resolved when a connection is dialled, never before.

So a mocked test, which never dials, does no DNS. The first dial publishes all addresses of the name, and later calls
are balanced over them; a dial after 30 s resolves again.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from meshlib.discovery.lookup import resolve_once, resolve_once_async
from meshlib.endpoint import Address, Endpoints

if TYPE_CHECKING:
    from collections.abc import Callable

REFRESH = 30.0
"""Seconds after which a dial resolves the name again."""


class DialNames:
    """Resolves one host for the wire, and publishes what it found. `now` is monotonic seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:  # noqa: TID251 - dialling is real time only
        self.endpoints = Endpoints()
        self._now = now

    def resolve(self, host: str, port: int) -> None:
        """Look the name up, if its addresses are older than 30 s. Raises OSError when there are none and never were."""
        if self._due():
            self._publish(resolve_once(host, port))

    async def aresolve(self, host: str, port: int) -> None:
        """`resolve`, without blocking the event loop."""
        if self._due():
            self._publish(await resolve_once_async(host, port))

    def first(self) -> str | None:
        """The address to dial while no endpoint was picked yet."""
        current = self.endpoints.current
        return current.endpoints[0].address.host if current and current.endpoints else None

    def _due(self) -> bool:
        current = self.endpoints.current
        return current is None or self._now() - current.at >= REFRESH

    def _publish(self, addresses: list[Address]) -> None:
        if addresses:
            self.endpoints.publish(addresses, self._now())
