"""A socket that does not block, as a dial of ours needs it: options first, since some mean nothing once connected."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from typing import Any

NODELAY = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
"""A request goes out in several small writes: without this the second waits for the peer's acknowledgement."""


def new_socket(family: int, protocol: int, local_address: str | None, options: Iterable[Any] | None) -> socket.socket:
    """A socket with the options set, bound to the address. Raises OSError, with nothing left open."""
    sock = socket.socket(family, socket.SOCK_STREAM, protocol)
    try:
        sock.setblocking(False)
        for option in options or ():
            sock.setsockopt(*option)
        if family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(*NODELAY)
        if local_address is not None:
            sock.bind((local_address, 0))
    except BaseException:
        sock.close()
        raise
    return sock
