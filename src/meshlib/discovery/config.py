"""Discovery URLs: `scheme://[server]/name?options`, and `scheme://name` is short for `scheme:///name`.

Parsed by hand: a static set (`static://a:1,b:2`) is no URL that a general parser accepts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from meshlib.address import is_ip
from meshlib.endpoint import Address

SCHEMES = ("static", "system", "dns")
NOT_BUILT = ("dns+srv", "consul", "kubernetes", "etcd", "file", "xds")
_UNREAD = ("weight", "zone", "labels")
_HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Source:
    """Where the endpoints of a service are found.

    `server` ("host" or "host:port", empty for the system's own) and `name` belong to dns and system; `port` (None: the
    request URL's) is that of the endpoints; `addresses` are those of a static set. `text` is what was written.
    """

    scheme: str
    text: str
    server: str = ""
    name: str = ""
    port: int | None = None
    addresses: tuple[Address, ...] = ()

    def __str__(self) -> str:
        return self.text


def parse_source(url: str) -> Source:
    """The source a discovery URL names. Raises ValueError saying what is allowed."""
    url = url.strip()
    scheme, separator, rest = url.partition("://")
    scheme = scheme.lower()
    _check_scheme(scheme if separator else "", url)
    rest, _, query = rest.partition("?")
    if query:
        raise ValueError(f"has options ({query.partition('=')[0]}), but {scheme} takes none")
    if scheme == "static":
        return Source(scheme, url, addresses=_addresses(rest.removeprefix("/").split(",")))
    server, slash, name = rest.partition("/")
    if not slash:
        server, name = "", server
    if scheme == "system" and server:
        raise ValueError("names a server, but the system's resolver is asked: must be system://name[:port]")
    if server:
        parse_address(server)
    address = parse_address(name)
    if address.uds is not None or "*" in name:
        raise ValueError(f"must name a host: {scheme}://name[:port]")
    if scheme == "dns" and is_ip(address.host):
        raise ValueError(f"asks DNS for an address, which is no name: must be static://{address} or a name")
    return Source(scheme, url, server=server, name=address.host, port=address.port)


def parse_endpoints(tables: object) -> Source:
    """The static source of `endpoints = [{ address = "10.0.0.1:8080" }]`. Raises ValueError."""
    if not isinstance(tables, list | tuple) or not all(isinstance(table, Mapping) for table in tables):
        raise ValueError('must be a list of tables such as { address = "10.0.0.1:8080" }')
    addresses = _addresses([_address_of(number, table) for number, table in enumerate(tables, 1)])
    return Source("static", "static://" + ",".join(map(str, addresses)), addresses=addresses)


def parse_address(text: str) -> Address:
    """host, host:port, [IPv6], [IPv6]:port or unix:/path. Raises ValueError."""
    if "@" in text:
        raise ValueError("names a user, but takes none")  # without the text: it may hold a password
    if text.startswith("unix:"):
        path = text.removeprefix("unix:")
        if not path.startswith("/"):
            raise ValueError(f'has "{text}": the path of a Unix socket must be absolute, unix:/path')
        return Address("localhost", uds=path, by_hand=True)
    host, port = _split(text)
    if not host or "://" in text or any(c.isspace() or c in "/?#@[]%" or not c.isprintable() for c in host):
        raise ValueError(f'has "{text}": must be host, host:port, [IPv6]:port or unix:/path')
    return Address(host.lower(), None if port is None else _port(port, text), by_hand=True)


def _split(text: str) -> tuple[str, str | None]:
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if bracket and ":" in host and (not rest or rest.startswith(":")):
            return host, rest[1:] if rest else None
        return "", None
    if "," in text:
        raise ValueError(f'has "{text}": only static takes several, with commas')
    if text.count(":") > 1 and "://" not in text:
        raise ValueError(f'has "{text}": an IPv6 address stands in brackets, [::1]:8080')
    host, colon, port = text.partition(":")
    return host, port if colon else None


def _port(text: str, whole: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:6]) <= _HIGHEST_PORT:
        raise ValueError(f'has the port "{text}" in "{whole}": must be 1 to {_HIGHEST_PORT}')
    return int(text)


def _check_scheme(scheme: str, url: str) -> None:
    if scheme in SCHEMES:
        return
    if scheme in NOT_BUILT:
        raise ValueError(f"the scheme {scheme} is not built yet: must be {', '.join(SCHEMES)}")
    if not scheme:
        raise ValueError(f"has no scheme: must be scheme://name with one of {', '.join(SCHEMES)}")
    guess = get_close_matches(scheme, SCHEMES, n=1)
    ending = f"; did you mean {guess[0]}?" if guess else ""
    raise ValueError(f'has the unknown scheme "{scheme}": must be {", ".join(SCHEMES)}{ending}')


def _addresses(texts: list[str]) -> tuple[Address, ...]:
    addresses = tuple(parse_address(text.strip()) for text in texts)
    if not addresses:
        raise ValueError("is empty: at least one endpoint is needed")
    twice = {str(address) for address, count in Counter(addresses).items() if count > 1}
    if twice:
        raise ValueError(f"names an endpoint twice: {', '.join(sorted(twice))}")
    return addresses


def _address_of(number: int, table: Mapping[str, Any]) -> str:
    for key in table:
        if key in _UNREAD:
            raise ValueError(f"endpoint {number} has {key}, which is not built yet: only address is read")
        if key != "address":
            raise ValueError(f'endpoint {number} has the unknown name "{key}": only address is read')
    if not isinstance(table.get("address"), str):
        raise ValueError(f"endpoint {number} has no address: must be text such as 10.0.0.1:8080")
    return str(table["address"])
