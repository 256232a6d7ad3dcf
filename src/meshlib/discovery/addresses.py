"""Nothing a source says reaches the balancer unchecked."""

from __future__ import annotations

import ipaddress
import re

from meshlib.address import dialable
from meshlib.discovery import policy
from meshlib.discovery.lookup import Answer, LookupFailed
from meshlib.endpoint import Address

_MAX_NAME = 253  # characters of a host name, RFC 1035 §2.3.4 without the length octets
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"\d+|0[xX][0-9A-Fa-f]*")  # a last label like this makes getaddrinfo read an IPv4 address
_SHOWN = 60  # characters of a bad entry that an error shows


def usable(answer: Answer) -> tuple[Address, ...]:
    """The addresses of an answer, each once, in its order; raises LookupFailed where it must be refused as a whole."""
    good: dict[Address, None] = {}
    bad: list[str] = []
    if len(answer.entries) <= policy.MAX_ENDPOINTS:
        for host, port in answer.entries:
            problem = _host_problem(host) or _port_problem(port)
            if problem is None:
                good[Address(host, port)] = None
            else:
                bad.append(f"{str(host)[:_SHOWN]!r}: {problem}")
    reason = policy.refusal(len(answer.entries), len(good), bad)
    if reason is not None:
        raise LookupFailed(reason)
    return tuple(good)


def _host_problem(host: object) -> str | None:
    if not isinstance(host, str) or not host:
        return "no host"
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return None if _is_name(host) else "neither an IP address nor a host name"
    return None if dialable(host) else "an address that discovery may not name"


def _is_name(host: str) -> bool:
    if len(host) > _MAX_NAME:
        return False
    labels = host.removesuffix(".").split(".")
    return all(_LABEL.fullmatch(label) for label in labels) and not _NUMBER.fullmatch(labels[-1])


def _port_problem(port: object) -> str | None:
    if port is None or (isinstance(port, int) and not isinstance(port, bool) and 1 <= port <= 65535):
        return None
    return f"port {str(port)[:_SHOWN]} is not 1 to 65535"
