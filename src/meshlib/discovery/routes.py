"""Leaving out the address family that this machine cannot reach.

httpx tries both families of a name and takes the one that answers. A balancer has no such second try: on a machine
without IPv6 every AAAA record would be an endpoint that always fails. (RFC 6724 §5 rule 1: avoid unusable addresses.)
"""

from __future__ import annotations

import socket
from collections.abc import Sequence


def with_route(ips: Sequence[str]) -> list[str]:
    """`ips` without the family, IPv4 or IPv6, that has no route; all of them where neither has one."""
    usable = [family for family in (False, True) if _any_route([ip for ip in ips if (":" in ip) is family])]
    return [ip for ip in ips if (":" in ip) in usable] or list(ips)


def _any_route(ips: Sequence[str]) -> bool:
    """Whether the kernel finds a way to the first of them. Connecting a datagram socket sends nothing."""
    if not ips:
        return False
    try:
        with socket.socket(socket.AF_INET6 if ":" in ips[0] else socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((ips[0], 9))
    except OSError:
        return False
    return True
