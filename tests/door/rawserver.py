"""A server that answers each path with bytes written down beforehand, well formed or not."""

import socket
import threading
from dataclasses import dataclass


@dataclass(frozen=True)
class Scripted:
    """The bytes of an answer, in the pieces in which they are sent; `close` the connection after it."""

    pieces: tuple[bytes, ...]
    close: bool = False


class RawServer:
    """Answers by path. `received` are the requests: head and body."""

    def __init__(self, answers: dict[str, Scripted]) -> None:
        self.answers = answers
        self.received: list[tuple[bytes, bytes]] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._open: set[socket.socket] = set()
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exc_info):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)
        for connection in list(self._open):
            connection.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection, connection.makefile("rb") as reader:
            try:
                while self._one(connection, reader):
                    pass
            except (OSError, ValueError):
                pass
        self._open.discard(connection)

    def _one(self, connection, reader):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = reader.readline()
            if not line:
                return False
            head += line
        self.received.append((head, _body(head, reader)))
        answer = self.answers[head.split(b" ")[1].decode().partition("?")[0]]
        for piece in answer.pieces:
            connection.sendall(piece)
        return not answer.close


def _body(head: bytes, reader) -> bytes:
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
    if b"content-length" in fields:
        return reader.read(int(fields[b"content-length"]))
    if b"transfer-encoding" not in fields:
        return b""
    body = b""
    while size := int(reader.readline(), 16):
        body += reader.read(size)
        reader.readline()
    reader.readline()
    return body
