"""A small HTTP server that answers every GET with the same 200: `/delay/20` only after 20 ms, and `/first/1500` only
after 1500 ms if it is a connection's first request, so that a burst of them makes a connection for each.

`python backend.py PORT ...` listens on all of them with one event loop. It stands in for nginx where there is none, and
is the slow backend. `/status` tells its counters in the form of nginx's `stub_status`. Standard library only, so that a
request costs it less than it costs any client that is compared.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

BODY = b'{"ok":true}\r\n'
HEAD = b"HTTP/1.1 200 OK\r\nServer: backend\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
ANSWER = HEAD % len(BODY) + BODY
END = b"\r\n\r\n"


class Counters:
    """Connections and requests of this process."""

    def __init__(self) -> None:
        self.active = self.accepted = self.requests = 0

    def page(self) -> bytes:
        lines = (
            f"Active connections: {self.active}",
            "server accepts handled requests",
            f" {self.accepted} {self.accepted} {self.requests}",
        )
        body = "\n".join(lines).encode()
        return HEAD % len(body) + body


class Connection(asyncio.Protocol):
    """One client's connection. Requests have no body."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._received = b""
        self._first = True

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._counters.active += 1
        self._counters.accepted += 1

    def connection_lost(self, exc: Exception | None) -> None:
        self._counters.active -= 1

    def data_received(self, data: bytes) -> None:
        *requests, self._received = (self._received + data).split(END)
        for request in requests:
            self._answer(request.split(b" ", 2)[1])

    def _answer(self, path: bytes) -> None:
        self._counters.requests += 1
        first, self._first = self._first, False
        if path == b"/status":
            self._transport.write(self._counters.page())
        elif path.startswith(b"/delay/") or (first and path.startswith(b"/first/")):
            asyncio.get_running_loop().call_later(int(path[7:]) / 1000, self._transport.write, ANSWER)
        else:
            self._transport.write(ANSWER)


async def serve(ports: list[int]) -> None:
    """Until the process is ended."""
    loop, counters = asyncio.get_running_loop(), Counters()
    servers = [await loop.create_server(lambda: Connection(counters), "127.0.0.1", p, backlog=1024) for p in ports]
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(serve([int(port) for port in sys.argv[1:]]))
