"""Names of hosts as a configuration writes them, and which service a request's host means.

An exact key wins, then a name under `hosts`, then the longest pattern. `*` in a key stands for one or more characters.
An entry with a port means that port only, and wins over one without.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import idna  # a requirement of httpx

from meshlib.discovery.config import parse_address

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Host = tuple[str, int | None]


def parse_host(text: str) -> Host:
    """A host (as DNS writes it, without a final dot or brackets) and its port if it names one. Raises ValueError."""
    address = parse_address(text)
    host = address.host.rstrip(".")
    if address.uds is not None or not host:
        raise ValueError("must be a host name, with or without a port")
    return as_ascii(host), address.port


def as_ascii(host: str) -> str:
    """`host` in lower case and with its labels in punycode, as httpx sends it. Raises ValueError."""
    if host.isascii():
        return host.lower()
    try:
        labels = (label if label.isascii() else idna.encode(label).decode() for label in host.lower().split("."))
        return ".".join(labels)
    except idna.IDNAError as error:
        raise ValueError(f'has "{host}": {error}') from None


def host_list(value: object) -> tuple[str, ...]:
    """The entries of `hosts`: a list, or text with commas. Raises ValueError."""
    entries = value.split(",") if isinstance(value, str) else value
    if not isinstance(entries, list | tuple) or not all(isinstance(entry, str) for entry in entries):
        raise ValueError("must be a list of host names, each with or without a port")
    for entry in entries:
        parse_host(entry.strip())
        if "*" in entry:
            raise ValueError(f'has the pattern "{entry}": only the key of a service may be a pattern')
    return tuple(entry.strip() for entry in entries)


class Routes:
    """The look-up from a request's host and port to the key of a service."""

    def __init__(self, hosts: Mapping[str, Iterable[str]]) -> None:
        """`hosts` has for each key the further names of that service."""
        self._exact: dict[Host, str] = {parse_host(key): key for key in hosts if "*" not in key}
        for key, names in hosts.items():
            for name in names:
                self._exact.setdefault(parse_host(name), key)
        patterns = sorted((key for key in hosts if "*" in key), key=lambda key: (-len(parse_host(key)[0]), key))
        self._patterns = [(*_compiled(key), key) for key in patterns]

    def match(self, host: str, port: int | None) -> str | None:
        """The key of the service that `host` and `port` (the scheme's, if the URL names none) mean, else None."""
        host = as_ascii(host).rstrip(".")
        found = self._exact.get((host, port)) or self._exact.get((host, None))
        if found is not None or not self._patterns:
            return found
        return self._longest(host, port)

    def _longest(self, host: str, port: int | None) -> str | None:
        for pattern, wanted, key in self._patterns:
            if wanted in (None, port) and pattern.fullmatch(host):
                return key
        return None


def _compiled(key: str) -> tuple[re.Pattern[str], int | None]:
    host, port = parse_host(key)
    return re.compile(".+".join(map(re.escape, host.split("*")))), port
