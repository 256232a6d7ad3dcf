"""`dns://[server]/name:port`: A and AAAA records, with their TTL.

Asked as the system's resolver would (hosts file first, search domains and ndots of resolv.conf), but with the TTL that
getaddrinfo hides. A server in the URL is asked as it stands, like `dig @server`: no hosts file, no search domains.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar, cast

import dns.asyncbackend
import dns.asyncresolver
import dns.exception
import dns.name
import dns.rdtypes.ANY.CNAME
import dns.rdtypes.ANY.SOA
import dns.rdtypes.IN.A
import dns.rdtypes.IN.AAAA  # here and not by the first answer, in a thread that a fork may cut off
import dns.resolver

from meshlib.address import is_ip
from meshlib.discovery.config import parse_address
from meshlib.discovery.files import Stamp, in_hosts_file, stamp
from meshlib.discovery.lookup import Answer, LookupFailed
from meshlib.discovery.routes import with_route
from meshlib.discovery.system import PATIENCE, resolve_in_thread, resolve_once
from meshlib.runtime.control import ControlRuntime

TYPES = ("A", "AAAA")
TRY = 2.0  # seconds for one server; an answer that takes longer is lost
LIFETIME = 5.0  # seconds for all tries at all servers
PAUSE = 0.1  # seconds that dnspython waits after the last try, beyond the lifetime it is given
DNS_PORT = 53

AnyResolver = TypeVar("AnyResolver", dns.resolver.Resolver, dns.asyncresolver.Resolver)


@dataclass(frozen=True, slots=True)
class Records:
    """What one query gave; no addresses is normal for AAAA."""

    ips: tuple[str, ...]
    ttl: float


class DnsLookup:
    """One name, asked of the servers of resolv.conf or of the one the URL names (`server`, "host" or "host:port").

    A record type that fails while the other answers keeps what it last had.
    """

    def __init__(
        self,
        name: str,
        server: str = "",
        *,
        resolv_conf: str = "/etc/resolv.conf",
        hosts: str = "/etc/hosts",
        port: int = DNS_PORT,
    ) -> None:
        self._name = name
        self._server = parse_address(server) if server else None
        self._resolv_conf = resolv_conf
        self._hosts = hosts
        self._port = port
        self._last: dict[str, tuple[str, ...]] = {}
        self._runtime = ControlRuntime()

    async def resolve(self) -> Answer:
        known = self._in_hosts_file()
        if known is not None:
            return known
        ips = await self._server_ips()
        resolver = self._resolver(dns.asyncresolver.Resolver, ips)

        async def ask(kind: str) -> Records | Exception:
            try:
                return _records(await resolver.resolve(self._name, kind, backend=_BACKEND, **_HOW))
            except (dns.exception.DNSException, OSError, ValueError) as error:
                return error

        return self._combined(dict(zip(TYPES, await asyncio.gather(*map(ask, TYPES)), strict=True)))

    def resolve_blocking(self, timeout: float | None) -> Answer:
        known = self._in_hosts_file()
        if known is not None:
            return known
        resolver = self._resolver(dns.resolver.Resolver, self._server_ips_blocking())
        lifetime = LIFETIME if timeout is None else min(max(timeout / len(TYPES) - PAUSE, PAUSE / 2), LIFETIME)

        def ask(kind: str) -> Records | Exception:
            try:
                return _records(resolver.resolve(self._name, kind, **{**_HOW, "lifetime": lifetime}))
            except (dns.exception.DNSException, OSError, ValueError) as error:
                return error

        return self._combined({kind: ask(kind) for kind in TYPES})

    def _in_hosts_file(self) -> Answer | None:
        ips = () if self._server else in_hosts_file(self._name, self._hosts)
        # A TTL of 0 is clamped to the shortest: to look whether the file has changed costs nothing.
        return Answer(tuple((ip, None) for ip in ips), ttl=0.0) if ips else None

    async def _server_ips(self) -> list[str]:
        if self._server is None or is_ip(self._server.host):
            return self._server_ips_blocking()
        try:
            found = await resolve_in_thread(self._server.host, None, self._runtime, PATIENCE)
        except OSError as error:
            raise LookupFailed(f"the DNS server {self._server}: {error.strerror or error}") from error
        return [address.host for address in found]

    def _server_ips_blocking(self) -> list[str]:
        if self._server is None:
            return []
        if is_ip(self._server.host):
            return [self._server.host]
        try:
            return [address.host for address in resolve_once(self._server.host, None)]
        except OSError as error:
            raise LookupFailed(f"the DNS server {self._server}: {error.strerror or error}") from error

    def _resolver(self, kind: type[AnyResolver], server_ips: list[str]) -> AnyResolver:
        if self._server is None:
            try:
                found = _of_system(cast("Any", kind), self._resolv_conf, self._port, stamp(self._resolv_conf))
                return cast("AnyResolver", found)
            except dns.exception.DNSException as error:
                raise LookupFailed(f"{self._resolv_conf}: {error}") from error
        resolver = kind(configure=False)
        resolver.search, resolver.domain = [], dns.name.root
        resolver.nameservers = list(server_ips)
        resolver.port = self._server.port or DNS_PORT
        resolver.timeout = TRY
        return resolver

    def _combined(self, results: dict[str, Records | Exception]) -> Answer:
        ips: list[str] = []
        ttls: list[float] = []
        errors: list[str] = []
        for kind, result in results.items():
            if isinstance(result, Exception):
                errors.append(f"{kind}: {_text(result)}")
            else:
                self._last[kind] = result.ips
                ttls.append(result.ttl if result.ips else float("inf"))
            ips += self._last.get(kind, ())
        if not ttls or (errors and not ips):
            raise LookupFailed("; ".join(dict.fromkeys(errors)))
        # While one type fails the other's answer is taken for as short a time as possible.
        return Answer(tuple((ip, None) for ip in with_route(ips)), ttl=0.0 if errors else min(ttls))


_BACKEND = dns.asyncbackend.get_backend("asyncio")  # else dnspython guesses one, once for the whole process
_HOW: dict[str, Any] = {"search": True, "raise_on_no_answer": False, "lifetime": LIFETIME}


@lru_cache(maxsize=8)
def _of_system(kind: Any, path: str, port: int, _: Stamp) -> Any:
    """The resolver of resolv.conf; the stamp makes it anew when the file has changed."""
    resolver = kind(filename=path)
    resolver.port = port
    resolver.timeout = min(resolver.timeout, TRY)
    return resolver


def _records(answer: dns.resolver.Answer) -> Records:
    """Sorted, for servers rotate their answers and the order means nothing; with the shortest TTL of the chain."""
    found = [str(record.address) for record in answer.rrset] if answer.rrset is not None else []
    return Records(tuple(sorted(found)), float(answer.chaining_result.minimum_ttl))


def _text(error: Exception) -> str:
    if isinstance(error, dns.resolver.NXDOMAIN):
        return "NXDOMAIN"
    return str(error) or type(error).__name__
