"""Names that no source knows, under `unconfigured = "mesh"`: resolved when a connection is dialled, never before.

So a mocked test, which never dials, does no DNS. The first dial publishes all addresses of the name, and later calls
are balanced over them; a dial after 30 s resolves again. When that fails, the addresses known stay in use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshlib.address import dialable
from meshlib.discovery.process import process
from meshlib.discovery.system import resolve_in_thread
from meshlib.endpoint import Endpoints

if TYPE_CHECKING:
    from meshlib.endpoint import Address
    from meshlib.runtime.base import Runtime

REFRESH = 30.0
"""Seconds after which a dial resolves the name again."""


class DialNames:
    """Resolves one host for the wire, and publishes what it found."""

    def __init__(self) -> None:
        self.endpoints = Endpoints()
        self._due_at = float("-inf")

    async def resolve(self, host: str, runtime: Runtime, timeout: float | None) -> None:
        """Look the name up, if its addresses are older than 30 s; dials at the same time share one look-up.

        `timeout` in seconds, None: no limit. Raises OSError (TimeoutError when the time is up), but only where nothing
        was ever found.
        """
        now = runtime.now()
        if now < self._due_at:
            return
        try:
            addresses = allowed(host, await resolve_in_thread(host, None, runtime, timeout))
        except OSError:
            if self.endpoints.current is None:
                raise
        else:
            with process.publishing:
                self.endpoints.publish(addresses, runtime.now())
        self._due_at = now + REFRESH

    def first(self) -> str | None:
        """The address to dial while no endpoint was picked yet."""
        current = self.endpoints.current
        return current.endpoints[0].address.host if current and current.endpoints else None


def allowed(host: str, addresses: list[Address]) -> list[Address]:
    """Those that the address policy lets us dial. Raises OSError where none is left."""
    good = [address for address in addresses if dialable(address.host)]
    if not good:
        raise OSError(f"{host} has no address that may be dialled: {', '.join(map(str, addresses))}")
    return good
