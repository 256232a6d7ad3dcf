"""Input and output that fail at the k-th operation, below everything of ours: in the socket's own methods.

The methods of `socket.socket`, of `ssl.SSLSocket` and of trio's socket are replaced while a call runs; only operations
of this thread on connections to the given ports are counted, so that the servers in other threads go on as they are.
"""

from __future__ import annotations

import errno
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from typing import Any

import trio

TrioSocket = trio._socket._SocketType  # type: ignore[attr-defined]
CONNECTS = ("connect", "connect_ex")
WRITES = ("send", "sendall", "sendmsg")
READS = ("recv", "recv_into")
_CLASSES: tuple[tuple[type, tuple[str, ...]], ...] = (
    (socket.socket, CONNECTS + WRITES + READS),
    (ssl.SSLSocket, CONNECTS + WRITES + READS + ("do_handshake",)),
)
_TRIO = ("connect", "send", "recv")


class Fault:
    """What happens at the operation: `name` for people, `error` is raised (None: `partial`, which must do no harm)."""

    def __init__(self, name: str, error: Callable[[], BaseException] | None, *, harmless: bool = False) -> None:
        self.name, self.error, self.harmless = name, error, harmless

    def __repr__(self) -> str:
        return self.name

    def before(self, operation: str, sock: Any, args: tuple[Any, ...]) -> tuple[bool, Any, tuple[Any, ...]]:
        """Whether the operation is over already, with what result, and with which arguments it goes on if not."""
        if self.error is not None:
            _cut(sock)
            raise self.error()
        if operation == "recv":
            return False, None, (1, *args[1:])
        if operation in ("send", "sendmsg"):
            return False, None, (_first_byte(args[0]), *args[1:])
        if operation == "recv_into":
            return False, None, (memoryview(args[0])[:1],)
        return False, None, args


class EndOfFile(Fault):
    """The peer is gone: nothing more to read, a broken pipe to write to, refused to whoever connects."""

    def __init__(self) -> None:
        super().__init__("end of file", None)

    def before(self, operation: str, sock: Any, args: tuple[Any, ...]) -> tuple[bool, Any, tuple[Any, ...]]:
        _cut(sock)
        if operation in READS:
            return True, b"" if operation == "recv" else 0, args
        if operation in WRITES:
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")
        raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")


def _cut(sock: Any) -> None:
    """What failed once is dead: whoever reads after a failed write must not wait for an answer."""
    try:
        socket.socket.shutdown(getattr(sock, "_sock", sock), socket.SHUT_RDWR)
    except OSError:  # not connected yet
        pass


def _first_byte(data: Any) -> Any:
    if isinstance(data, list | tuple):
        return [memoryview(data[0])[:1]]
    return memoryview(data)[:1]


FAULTS = (
    Fault("reset", partial(ConnectionResetError, errno.ECONNRESET, "Connection reset by peer")),
    Fault("timed out", partial(TimeoutError, errno.ETIMEDOUT, "Connection timed out")),
    EndOfFile(),
    Fault("partial", None, harmless=True),
)


class Interrupt(Fault):
    """Ctrl-C: the connection itself is as good as before."""

    def __init__(self) -> None:
        super().__init__("interrupt", KeyboardInterrupt)

    def before(self, operation: str, sock: Any, args: tuple[Any, ...]) -> tuple[bool, Any, tuple[Any, ...]]:
        raise KeyboardInterrupt


INTERRUPT = Interrupt()


class Line:
    """The operations of one run: counted, and number `at` goes wrong. `afterwards`: it is carried out first."""

    def __init__(self, ports: frozenset[int], at: int, fault: Fault, *, afterwards: bool = False) -> None:
        self.ports, self.at, self.fault, self.afterwards = ports, at, fault, afterwards
        self.operations: list[str] = []
        self._thread = threading.get_ident()
        self._inside = False

    @property
    def hit(self) -> bool:
        return len(self.operations) >= self.at

    def counts(self, operation: str, sock: Any, args: tuple[Any, ...]) -> bool:
        """Whether this is one of ours; then it is counted."""
        if self._inside or threading.get_ident() != self._thread:
            return False
        if operation in CONNECTS:
            ours = isinstance(args[0], tuple) and args[0][1] in self.ports
        else:
            ours = _peer_port(sock) in self.ports
        if ours:
            self.operations.append(operation)
        return ours

    def due(self) -> bool:
        return len(self.operations) == self.at

    @contextmanager
    def nested(self) -> Iterator[None]:
        """Operations inside an operation are not counted again."""
        outer, self._inside = self._inside, True
        try:
            yield
        finally:
            self._inside = outer


def _peer_port(sock: Any) -> int | None:
    try:
        return int(sock.getpeername()[1])
    except (OSError, IndexError, TypeError):
        return None


@contextmanager
def failing(line: Line) -> Iterator[Line]:
    """Replace the methods for the time of one run."""
    replaced: list[tuple[type, str, Any]] = []
    wanted = [(cls, name, _blocking) for cls, names in _CLASSES for name in names]
    wanted += [(TrioSocket, name, _trio) for name in _TRIO]
    try:
        for cls, name, wrapper in wanted:
            replaced.append((cls, name, cls.__dict__.get(name)))
            setattr(cls, name, wrapper(name, getattr(cls, name), line))
        yield line
    finally:
        for cls, name, own in reversed(replaced):
            if own is None:
                delattr(cls, name)
            else:
                setattr(cls, name, own)


def _blocking(operation: str, method: Any, line: Line) -> Any:
    @wraps(method)
    def replacement(sock: Any, *args: Any, **kw: Any) -> Any:
        if not line.counts(operation, sock, args):
            return method(sock, *args, **kw)
        if line.due() and not line.afterwards:
            over, result, args = line.fault.before(operation, sock, args)
            if over:
                return result
        try:
            with line.nested():
                return method(sock, *args, **kw)
        finally:
            if line.due() and line.afterwards:
                line.fault.before(operation, sock, args)  # raises, also where the operation would have had to wait

    return replacement


def _trio(operation: str, method: Any, line: Line) -> Any:
    @wraps(method)
    async def replacement(sock: Any, *args: Any, **kw: Any) -> Any:
        if not line.counts(operation, sock, args):
            return await method(sock, *args, **kw)
        if line.due():
            over, result, args = line.fault.before(operation, sock, args)
            if over:
                return result
        with line.nested():
            return await method(sock, *args, **kw)

    return replacement
