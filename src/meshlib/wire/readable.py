"""Whether an idle socket has become readable, which means that its peer has closed it.

httpcore asks this of every idle connection for every request. Looking the socket up and making a poll object each time
costs it some 15 µs; here both are kept, and asking costs one system call.
"""

from __future__ import annotations

import select
from typing import Any


def poller(sock: Any, event: str = "POLLIN") -> Any:
    """A poll object for one event of one socket; None where there is no poll, or no socket any more.

    `select.poll` is looked up anew each time: Windows has none, eventlet takes it away, gevent puts its own there.
    """
    make = getattr(select, "poll", None)
    if make is None or sock is None or sock.fileno() < 0:
        return None
    poll = make()
    poll.register(sock.fileno(), getattr(select, event))
    return poll


class Readable:
    """Asks for one stream of httpcore's; closed sockets count as readable, as they do for httpcore."""

    __slots__ = ("_inner", "_poll", "_socket")

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._socket = inner.get_extra_info("socket")
        self._poll = poller(self._socket)

    def __call__(self) -> bool:
        if self._poll is None:
            return bool(self._inner.get_extra_info("is_readable"))
        return self._socket.fileno() < 0 or bool(self._poll.poll(0))
