"""What a forked child does with the connections of its parent: it lets go of them, unseen by anybody.

The loop that they belong to shares its kernel object with the parent's, so nothing of it may be called. And the
descriptor must stay taken: if its number were free, it would soon be another socket's, and a finalizer of the old owner
could close that.
"""

from __future__ import annotations

import os
from typing import Any

_kept: list[Any] = []
"""What was the parent's, for ever: finalizers would wake its loop, and warn of connections never ours to close."""


def keep(belongings: Any) -> None:
    """Let no finalizer of these run."""
    _kept.append(belongings)


def let_go(transport: Any) -> None:
    """Put something harmless in the place of the socket of an asyncio transport, and keep the transport."""
    if transport is None:
        return
    keep(transport)
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.fileno() >= 0:
        harmless = os.open(os.devnull, os.O_RDWR)
        os.dup2(harmless, sock.fileno(), inheritable=False)
        os.close(harmless)
