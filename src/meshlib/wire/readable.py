"""Whether an idle socket has become readable, which means that its peer has closed it.

httpcore asks this of every idle connection for every request. Looking the socket up and making a poll object each time
costs it some 15 µs; here both are kept, and asking costs one system call.
"""

from __future__ import annotations

import select
from typing import Any

_HAS_POLL = hasattr(select, "poll")  # not on Windows, and not under eventlet


class Readable:
    """Asks for one stream of httpcore's; closed sockets count as readable, as they do for httpcore."""

    __slots__ = ("_inner", "_poll", "_socket")

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._socket = inner.get_extra_info("socket") if _HAS_POLL else None
        if self._socket is not None and self._socket.fileno() >= 0:
            self._poll = select.poll()
            self._poll.register(self._socket.fileno(), select.POLLIN)
        else:
            self._socket = None

    def __call__(self) -> bool:
        if self._socket is None:
            return bool(self._inner.get_extra_info("is_readable"))
        return self._socket.fileno() < 0 or bool(self._poll.poll(0))
