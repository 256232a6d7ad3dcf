"""A server that keeps every byte it received and answers with the bytes that a test gives it: nothing in between."""

from __future__ import annotations

import contextlib
import re
import select
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Self

PATIENCE = 20.0
"""Seconds a connection may be silent; a client keeps its idle ones longer, and the test is over before that."""

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Exchange:
    """One request as it arrives. `raw` is all that was received for it up to now."""

    def __init__(self, connection: socket.socket, number: int, head: bytes, rest: bytes) -> None:
        self.connection = connection
        self.number = number
        self.head = head
        self.raw = head
        self.closing = False
        self._rest = rest

    @property
    def target(self) -> str:
        return self.head.split(b" ", 2)[1].decode()

    def header(self, name: str) -> str | None:
        found = re.search(rb"(?im)^%s:[ \t]*(.*?)\r?$" % name.encode(), self.head)
        return found[1].decode("latin-1") if found else None

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def receive(self) -> bytes:
        """More of what comes after the head; empty at the end of the connection."""
        data = self._rest or self.connection.recv(65536)
        self._rest = b""
        self.raw += data
        return data

    def body(self) -> bytes:
        """The request's body as it was on the wire; what is left of it is read now."""
        start, length = len(self.head), int(self.header("content-length") or 0)
        chunked = self.header("transfer-encoding") == "chunked"
        while (not self.raw[start:].endswith(b"0\r\n\r\n")) if chunked else len(self.raw) - start < length:
            if not self.receive():
                break
        return self.raw[start:]


Answer = Callable[[Exchange], None]


def always(data: bytes, *, close: bool = False) -> Answer:
    """Read the whole request, then send `data`."""

    def answer(exchange: Exchange) -> None:
        exchange.body()
        exchange.send(data)
        exchange.closing = close

    return answer


class RawServer:
    """`with RawServer() as server:` answers on `server.url`; `server.answer` may change at any time.

    uds: a path to listen on in the place of a port. tls: a server-side context.
    """

    def __init__(
        self, answer: Answer | None = None, *, port: int = 0, uds: str | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self.answer = answer or always(OK)
        self.taken: list[Exchange] = []
        self.peers: list[object] = []
        self.accepted = 0
        self._port, self._uds, self._tls = port, uds, tls
        self._open: set[socket.socket] = set()

    def __enter__(self) -> Self:
        self._listener = socket.socket(socket.AF_UNIX if self._uds else socket.AF_INET)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(self._uds or ("127.0.0.1", self._port))
        self._listener.listen(128)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(PATIENCE)
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://{self.address}"

    @property
    def raw(self) -> list[bytes]:
        """The bytes of each request so far."""
        return [exchange.raw for exchange in self.taken]

    def forget(self) -> None:
        """Begin a new record."""
        self.taken, self.peers = [], []

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, peer = self._listener.accept()
                self.peers.append(peer)
                self.accepted += 1
                self._open.add(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        number = self.accepted
        connection = plain
        try:
            plain.settimeout(PATIENCE)
            if self._tls:
                connection = self._tls.wrap_socket(plain, server_side=True)
            while self._one(connection, number):
                pass
        except OSError:
            pass
        finally:
            self._open.discard(plain)
            connection.close()

    def _one(self, connection: socket.socket, number: int) -> bool:
        data = b""
        while b"\r\n\r\n" not in data:
            more = connection.recv(65536)
            if not more:
                return False
            data += more
        end = data.index(b"\r\n\r\n") + 4
        exchange = Exchange(connection, number, data[:end], data[end:])
        self.taken.append(exchange)
        self.answer(exchange)
        return not exchange.closing


def tunnel(exchange: Exchange, address: tuple[str, int]) -> None:
    """Answer a CONNECT and pass everything on to `address` until either side ends."""
    exchange.closing = True
    with socket.create_connection(address, PATIENCE) as target:
        exchange.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        pairs = {exchange.connection: target, target: exchange.connection}
        while ready := select.select(list(pairs), [], [], PATIENCE)[0]:
            for source in ready:
                data = source.recv(65536)
                if not data:
                    return
                pairs[source].sendall(data)
