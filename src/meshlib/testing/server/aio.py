"""The fault server inside a running event loop: `FaultServer` drives it from a thread, the process from its main."""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
from collections import Counter, deque
from collections.abc import Callable

from meshlib.testing.server.connection import Connection
from meshlib.testing.server.mode import Mode
from meshlib.testing.server.request import Request

TURNS = 4  # of the loop, from accepting a connection until its protocol has it, or from aborting it until it is closed
KEPT_REQUESTS = 10_000  # the newest requests kept for inspection; the counters count all
ModeOrChoice = Mode | Callable[[Request], Mode]


class AsyncFaultServer:
    """An HTTP/1.1 server whose mode can be changed while it runs; use `FaultServer` from ordinary tests.

    host, port: where to listen; port 0 takes a free one. ssl: a server-side context for https.
    mode: a Mode, or a function that chooses one for each request. seed: of random service times (modes with `spread`).
    on_request is told each request and whether it executed.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        mode: ModeOrChoice = Mode(),  # noqa: B008  (a frozen value)
        ssl: ssl.SSLContext | None = None,
        seed: int = 0,
        on_request: Callable[[Request, bool], None] | None = None,
    ) -> None:
        self.host, self.port, self.ssl, self.mode = host, port, ssl, mode
        self.rng = random.Random(seed)
        self.requests = 0
        self.connections = 0
        self.executions: Counter[str] = Counter()
        self.kept: deque[Request] = deque(maxlen=KEPT_REQUESTS)
        self._on_request = on_request
        self._open: set[Connection] = set()
        self._reserved: socket.socket | None = None
        self._listening: asyncio.Server | None = None
        self._refusing = False

    @property
    def address(self) -> str:
        """`host:port`; an IPv6 host in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def open_connections(self) -> int:
        """Connections that are open now."""
        return len(self._open)

    async def start(self) -> None:
        """Take the port, and listen unless the mode refuses. Raises OSError if the address is taken or not local."""
        self._reserved = bind(self.host, self.port)
        self.port = self._reserved.getsockname()[1]
        await self.set_mode(self.mode)

    async def stop(self) -> None:
        """Stop listening, reset what is open and give the port back."""
        await self._refuse()
        if self._reserved is not None:
            self._reserved.close()
            self._reserved = None
        await _turns()  # lets the aborted transports close their sockets

    async def set_mode(self, mode: ModeOrChoice) -> None:
        """Change the mode; when this returns, the port refuses or accepts as the mode says."""
        self.mode = mode
        if isinstance(mode, Mode) and not mode.listening:
            await self._refuse()
        elif self._listening is None:
            self._refusing = False
            loop = asyncio.get_running_loop()
            sock = bind(self.host, self.port)
            self._listening = await loop.create_server(lambda: Connection(self), sock=sock, ssl=self.ssl, backlog=512)

    def received(self, request: Request) -> Mode:
        """Count a request and choose how it is treated."""
        mode = self.mode if isinstance(self.mode, Mode) else self.mode(request)
        self.requests += 1
        self.kept.append(request)
        executed = mode.executes and mode.listening
        if executed and request.request_id is not None:
            self.executions[request.request_id] += 1
        if self._on_request is not None:
            self._on_request(request, executed)
        return mode

    def connected(self, connection: Connection) -> None:
        """A connection was accepted, maybe just before the listening socket was closed."""
        self.connections += 1
        self._open.add(connection)
        if self._refusing:
            connection.reset()

    def disconnected(self, connection: Connection) -> None:
        """A connection is gone."""
        self._open.discard(connection)

    async def _refuse(self) -> None:
        self._refusing = True
        listening, self._listening = self._listening, None
        if listening is not None:
            await self._accept_no_more(listening)
            listening.close()
        for connection in list(self._open):
            connection.reset()

    @staticmethod
    async def _accept_no_more(listening: asyncio.Server) -> None:
        """asyncio loses a connection that was accepted but has no transport yet when its server is closed."""
        loop = asyncio.get_running_loop()
        for sock in listening.sockets:
            loop.remove_reader(sock.fileno())
        await _turns()


async def _turns() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)  # noqa: TID251  (no time passes)


def bind(host: str, port: int) -> socket.socket:
    """A bound socket that does not listen yet.

    Linux lets several sockets with SO_REUSEADDR hold one port as long as none listens, and refuses connections to it:
    the server keeps one such socket so that nobody takes its port while it refuses.
    """
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setblocking(False)
        sock.bind((host, port))
    except BaseException:
        sock.close()
        raise
    return sock
