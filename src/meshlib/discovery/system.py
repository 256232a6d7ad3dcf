"""`system://name:port`, and the dialling of unconfigured names: whatever this machine's own resolver says.

getaddrinfo knows the hosts file, nsswitch, mDNS and the container's own names, but no TTL, and it blocks.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401 - getaddrinfo imports it when it first runs, which must not be in a thread that a fork cuts off
import socket
from typing import TYPE_CHECKING

from meshlib.discovery.lookup import Answer, LookupFailed
from meshlib.discovery.routes import with_route
from meshlib.discovery.workers import workers
from meshlib.endpoint import Address
from meshlib.runtime.control import ControlRuntime

if TYPE_CHECKING:
    from meshlib.runtime.base import Runtime

PATIENCE = 10.0  # seconds; longer than a resolver with two servers and the usual options takes to give up


class SystemLookup:
    """One name, asked of the system's resolver."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._runtime = ControlRuntime()

    async def resolve(self) -> Answer:
        try:
            found = await resolve_in_thread(self._name, None, self._runtime, PATIENCE)
        except OSError as error:
            raise LookupFailed(f"{self._name}: {error.strerror or error}") from error
        return _answer(found)

    def resolve_blocking(self, timeout: float | None) -> Answer:
        """`timeout` has no effect: getaddrinfo knows only the limits of the system's own configuration."""
        try:
            return _answer(resolve_once(self._name, None))
        except OSError as error:
            raise LookupFailed(f"{self._name}: {error.strerror or error}") from error


def resolve_once(host: str, port: int | None) -> list[Address]:
    """All addresses of `host`, best first (RFC 6724), with `port`; blocks, without a limit of its own.

    Families to which this machine has no route are left out. Raises OSError (socket.gaierror) as getaddrinfo does.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise socket.gaierror(socket.EAI_NONAME, f"{host!r} is no host name") from error
    ips = with_route(list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found)))
    return [Address(ip, port) for ip in ips]


async def resolve_in_thread(host: str, port: int | None, runtime: Runtime, timeout: float | None) -> list[Address]:
    """`resolve_once` in a daemon thread, for any runtime; callers who ask for the same host share one look-up.

    `timeout` in seconds (None: for ever); raises TimeoutError (an OSError) when it has passed.
    """
    job = workers.submit((host, port), lambda: resolve_once(host, port))
    if not await runtime.wait(job.done, timeout):
        raise TimeoutError(f"{host} was not resolved within {timeout:g} s")
    return job.result()


def _answer(addresses: list[Address]) -> Answer:
    return Answer(tuple((address.host, None) for address in addresses))
