"""Which addresses may be dialled because discovery named them.

Whoever can write to a registry or a DNS zone must not be able to point a service at the cloud's metadata server, which
hands out credentials, nor at a neighbour that only this link can see. The test is made on the address that is dialled,
so that a name which answers differently the second time (DNS rebinding) gains nothing. Loopback and private addresses
are where services live, and stay allowed.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache

IP = ipaddress.IPv4Address | ipaddress.IPv6Address

# Metadata servers outside the link-local ranges: AWS and Google over IPv6, Alibaba, Oracle, Azure's wire server.
_METADATA = frozenset(
    map(
        ipaddress.ip_address,
        ("fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "192.0.0.192", "168.63.129.16"),
    )
)
_THIS_HOST = ipaddress.IPv4Network("0.0.0.0/8")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")


@lru_cache(maxsize=4096)
def dialable(ip: str) -> bool:
    """Whether discovery's word is enough to dial this IP address (text, without port or brackets).

    False for link-local, metadata, multicast, broadcast, reserved and unspecified addresses, also where IPv6 wraps an
    IPv4 address, for an address with a zone id, and for text that is no IP address at all.
    """
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        wrapped = _wrapped(address)
        return _allowed(wrapped) if wrapped else address.scope_id is None and _allowed(address)
    return _allowed(address)


def is_ip(host: str) -> bool:
    """Whether `host` (without brackets) is an IP address and not a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _allowed(address: IP) -> bool:
    return not (
        address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or (address.version == 4 and (address.is_reserved or address in _THIS_HOST))
        or address in _METADATA
    )


def _wrapped(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 one stands for: mapped, 6to4, NAT64, or of the old compatible form."""
    embedded = address.ipv4_mapped or address.sixtofour
    if embedded is None and (address in _NAT64 or (address in _COMPATIBLE and int(address) > 1)):
        embedded = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return embedded
