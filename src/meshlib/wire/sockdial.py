"""Dialling for sync clients, behind httpcore's public backend interface: what comes out is our own stream.

As `socket.create_connection` does, but with one bound over all addresses of a name. Each gets an equal share of the
time that is left, so that a first address which does not answer leaves time for the next.
"""

from __future__ import annotations

import errno
import math
import os
import socket
from collections.abc import Iterable
from typing import Any

from meshlib.runtime.clock import now
from meshlib.runtime.sync import SyncRuntime, complete
from meshlib.wire.newsocket import new_socket
from meshlib.wire.readable import poller

Options = Iterable[Any] | None


class SockBackendCore:
    """Mixed with the module's NetworkBackend. `stream` makes a stream of a socket."""

    core: Any
    stream: Any

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Options = None,
    ) -> Any:
        """Raises the module's ConnectTimeout after `timeout` seconds, and its ConnectError."""
        until = None if timeout is None else now() + timeout
        try:
            addresses = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)
            return self.stream(_first(addresses, until, local_address, socket_options))
        except TimeoutError as exc:
            raise self.core.ConnectTimeout(str(exc)) from exc
        except OSError as exc:
            raise self.core.ConnectError(str(exc)) from exc

    def connect_unix_socket(self, path: str, timeout: float | None = None, socket_options: Options = None) -> Any:
        """Raises the module's ConnectTimeout after `timeout` seconds, and its ConnectError."""
        until = None if timeout is None else now() + timeout
        try:
            return self.stream(_connected(new_socket(socket.AF_UNIX, 0, None, socket_options), path, until))
        except TimeoutError as exc:
            raise self.core.ConnectTimeout(str(exc)) from exc
        except OSError as exc:
            raise self.core.ConnectError(str(exc)) from exc

    def sleep(self, seconds: float) -> None:
        complete(SyncRuntime().sleep(seconds))


def _first(addresses: list[Any], until: float | None, local_address: str | None, options: Options) -> socket.socket:
    """A socket connected to the first address that answers. Raises the last address's error."""
    last: OSError = OSError("the name has no address")
    for tried, (family, _, protocol, _, address) in enumerate(addresses):
        share = None if until is None else now() + (until - now()) / (len(addresses) - tried)
        try:
            return _connected(new_socket(family, protocol, local_address, options), address, share)
        except OSError as exc:
            last = exc
    raise last


def _connected(sock: socket.socket, address: Any, until: float | None) -> socket.socket:
    """The socket, connected. Raises TimeoutError at `until`, and other OSErrors; it is closed then."""
    try:
        error = sock.connect_ex(address)
        if error == errno.EINPROGRESS:
            _wait(sock, until)
            error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, os.strerror(error))
    except BaseException:
        sock.close()
        raise
    return sock


def _wait(sock: socket.socket, until: float | None) -> None:
    left = None if until is None else max(0, math.ceil((until - now()) * 1000))  # milliseconds
    if not poller(sock, "POLLOUT").poll(left):
        raise TimeoutError("timed out")
