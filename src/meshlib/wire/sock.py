"""Our network stream for sync clients, behind httpcore's public stream interface.

The socket never blocks: each operation is tried, and where it would wait, a poll object made once per connection waits
for the exact time that is left. So a deadline bounds a TLS handshake and a big upload as exactly as one read, which the
socket's own timeouts do not: they begin anew with every system call, and setting them is one more.
"""

from __future__ import annotations

import math
import select
import socket
import ssl
import threading
from typing import TYPE_CHECKING, Any

from meshlib.runtime.clock import now
from meshlib.wire.current import clamp
from meshlib.wire.readable import poller

if TYPE_CHECKING:
    from meshlib.call import Attempt

CLOSED = "the connection was closed here"


class SockStreamCore:
    """Mixed with the module's NetworkStream. `attempt` is the one at work, whose deadline bounds every operation.

    One thread may read while another writes. `abort` may come from any thread: the descriptor is closed by whoever is
    last to use it, since a thread may be waiting for it, and its number could by then mean another socket.
    """

    core: Any

    __slots__ = ("_answer", "_closed", "_lock", "_poll", "_sock", "_to_read", "_to_write", "_waiting", "attempt")

    def __init__(self, sock: socket.socket) -> None:
        """Takes over a connected socket that does not block."""
        self.attempt: Attempt | None = None
        self._sock = sock
        self._lock = threading.RLock()  # of the socket; held for system calls that do not wait
        self._waiting = 0  # threads that wait for the descriptor
        self._closed = False
        self._answer = False  # an answer is still to come: nothing can have arrived, so wait first
        self._to_read, self._to_write, self._poll = poller(sock), poller(sock, "POLLOUT"), poller(sock)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What has come, up to `max_bytes`; else what comes next. `b""` when the peer has ended.

        Raises the module's ReadTimeout after `timeout` seconds or at the attempt's deadline, and its ReadError.
        """
        until = self._until(timeout, self.core.ReadTimeout)
        if self._answer:
            self._answer = False
            self._wait(self._to_read, until, self.core.ReadTimeout, self.core.ReadError)
        data: bytes = self._do("recv", max_bytes, self._to_read, until, self.core.ReadTimeout, self.core.ReadError)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Hand everything to the socket.

        Raises the module's WriteTimeout when it took nothing for `timeout` seconds, or at the attempt's deadline, and
        its WriteError.
        """
        rest: Any = buffer
        while rest:
            until = self._until(timeout, self.core.WriteTimeout)
            self._mark_sent()
            size = self._do("send", rest, self._to_write, until, self.core.WriteTimeout, self.core.WriteError)
            rest = memoryview(rest)[size:] if size < len(rest) else None
        self._answer = not isinstance(self._sock, ssl.SSLSocket)  # which may hold what poll knows nothing of

    def close(self) -> None:
        self.abort()

    def start_tls(self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None) -> Any:
        """Shake hands; the stream itself is then the encrypted one.

        Raises the module's ConnectTimeout and ConnectError; the connection is closed then.
        """
        until = self._until(timeout, self.core.ConnectTimeout)
        try:
            self._wrap(ssl_context, server_hostname)
            self._do("do_handshake", None, self._to_read, until, self.core.ConnectTimeout, self.core.ConnectError)
        except BaseException:
            self.abort()
            raise
        return self

    def abort(self) -> None:
        """Cut the connection now, from any thread; once is enough. Whoever waits gets a ReadError or WriteError."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            if not self._waiting:
                self._sock.close()
                return
            try:
                socket.socket.shutdown(self._sock, socket.SHUT_RDWR)  # wakes who waits
            except OSError:  # the peer was first, and so they are awake
                pass

    def forget(self) -> None:
        """In a forked child: let go of the parent's connection without a word to its peer.

        The lock is made new: a thread that exists in the parent only may hold the old one.
        """
        self._lock = threading.RLock()
        self._closed = True
        self._sock.close()

    def is_readable(self) -> bool:
        """Whether something has come or ended, by the kernel's own word."""
        return self._closed or bool(self._poll.poll(0))

    def still_fit(self) -> bool:
        """Whether an idle connection can carry another request.

        With TLS a readable socket may hold no more than a session ticket, which this takes in.
        """
        if not self.is_readable():
            return True
        if not isinstance(self._sock, ssl.SSLSocket):
            return False
        with self._lock:
            try:
                self._sock.recv(1)
            except ssl.SSLWantReadError:
                return not self._closed
            except OSError:
                pass
        return False

    def get_extra_info(self, info: str) -> Any:
        """What httpcore's streams tell: ssl_object, client_addr, server_addr, socket, is_readable."""
        if info == "is_readable":
            return self.is_readable()
        if info == "ssl_object":
            return self._sock if isinstance(self._sock, ssl.SSLSocket) else None
        if info == "client_addr":
            return self._sock.getsockname()
        if info == "server_addr":
            return self._sock.getpeername()
        return self._sock if info == "socket" else None

    # Steps.

    def _until(self, timeout: float | None, error: type[Exception]) -> float | None:
        left = clamp(self.attempt, timeout, error)
        return None if left is None else now() + left

    def _mark_sent(self) -> None:
        if self._closed:
            raise self.core.WriteError(CLOSED)
        attempt = self.attempt
        if attempt is not None and attempt.sent == "nothing":
            attempt.sent = "part"

    def _do(
        self, name: str, argument: Any, poll: Any, until: float | None, timeout: type[Exception], error: type[Exception]
    ) -> Any:
        """One operation of the socket, tried again whenever what it waits for has come."""
        while True:
            with self._lock:
                if self._closed:
                    raise error(CLOSED)
                try:
                    operation = getattr(self._sock, name)
                    return operation() if argument is None else operation(argument)
                except BlockingIOError:
                    wanted = poll
                except ssl.SSLWantReadError:
                    wanted = self._to_read
                except ssl.SSLWantWriteError:
                    wanted = self._to_write
                except OSError as exc:
                    raise error(str(exc)) from exc
            self._wait(wanted, until, timeout, error)

    def _wait(self, poll: Any, until: float | None, timeout: type[Exception], error: type[Exception]) -> None:
        """Wait for the socket, at most until then; `poll` itself goes on after a signal (PEP 475)."""
        with self._lock:
            if self._closed:
                raise error(CLOSED)
            self._waiting += 1
        try:
            left = None if until is None else max(0, math.ceil((until - now()) * 1000))  # milliseconds
            if not poll.poll(left) and left is not None:
                raise timeout("the time for it is up")
        finally:
            with self._lock:
                self._waiting -= 1
                if self._closed and not self._waiting:
                    self._sock.close()

    def _wrap(self, context: Any, hostname: str | None) -> None:
        """Make it a TLS socket on the same descriptor, so that the poll objects stay right."""
        with self._lock:
            if self._closed or isinstance(self._sock, ssl.SSLSocket):
                raise self.core.ConnectError(CLOSED if self._closed else "TLS inside TLS is left to httpcore's streams")
            try:
                self._sock = context.wrap_socket(self._sock, server_hostname=hostname, do_handshake_on_connect=False)
            except OSError as exc:
                raise self.core.ConnectError(str(exc)) from exc


def usable() -> bool:
    """Whether these streams can be had here: not without poll, on Windows and under eventlet."""
    return hasattr(select, "poll")
