"""The other end of a connection: a function that has a plain blocking socket, in a thread of its own."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Any

PATIENCE = 10.0  # seconds until a test that hangs fails


class Peer:
    """Accepts on a free port, or on `path`, and gives each connection to `serve(sock)`; closes it afterwards.

    `ended` is set once the other side has closed a connection that `serve` read to its end with `drain`.
    """

    def __init__(
        self, serve: Callable[[socket.socket], Any], *, path: str | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self.serve = serve
        self.tls = tls
        self.path = path
        self.listener = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
        self.listener.bind(path or ("127.0.0.1", 0))
        self.port = None if path else self.listener.getsockname()[1]
        self.connections: list[socket.socket] = []
        self.threads: list[threading.Thread] = []
        self.ended = threading.Event()
        self.free = threading.Event()  # set at the end, for peers that wait for nothing

    def __enter__(self) -> Peer:
        self.listener.listen()
        self.start(self.accept)
        return self

    def __exit__(self, *exc: object) -> None:
        self.free.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        for sock in self.connections:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self.threads:
            thread.join(PATIENCE)
        self.listener.close()

    def start(self, target: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self.threads.append(thread)
        thread.start()

    def accept(self) -> None:
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.start(self.handle, sock)

    def handle(self, sock: socket.socket) -> None:
        sock.settimeout(PATIENCE)
        self.connections.append(sock)
        with closing(sock):
            try:
                if self.tls is None:
                    self.serve(sock)
                else:
                    with self.tls.wrap_socket(sock, server_side=True) as secure:
                        self.connections.append(secure)
                        self.serve(secure)
            except OSError:  # the client closed in the midst
                self.ended.set()

    def drain(self, sock: socket.socket) -> None:
        """Read until the other side ends."""
        try:
            while sock.recv(65536):
                pass
        except OSError:
            pass
        self.ended.set()

    def wait(self, sock: socket.socket) -> None:
        """Neither read nor write."""
        self.free.wait(PATIENCE)


def echo(sock: socket.socket) -> None:
    while data := sock.recv(65536):
        sock.sendall(data)


def reset(sock: socket.socket) -> None:
    """Close with a RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def peer(serve: Callable[[Peer, socket.socket], Any], **kw: Any) -> Peer:
    """A Peer whose function is told the Peer as well."""
    made = Peer(lambda sock: serve(made, sock), **kw)
    return made
