"""The fault server for ordinary tests: it runs in a background thread and is driven by plain attributes."""

from __future__ import annotations

import ssl
from collections import Counter
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from meshlib.testing.loopthread import LoopThread
from meshlib.testing.server.aio import AsyncFaultServer, ModeOrChoice
from meshlib.testing.server.mode import Mode
from meshlib.testing.server.request import Request


class FaultServer:
    """`with FaultServer() as server:` listens on `server.url` until the block ends.

    host, port: where; port 0 takes a free one. ssl: a server-side context, for https. seed: of random service times.
    mode: a Mode, or a function Request -> Mode asked for each request (where that refuses, the connection is reset).
    thread: a running LoopThread to share; by default the server has its own.

    Raises OSError on entry if the address is taken or not this machine's.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        mode: ModeOrChoice = Mode(),  # noqa: B008  (a frozen value)
        ssl: ssl.SSLContext | None = None,
        seed: int = 0,
        thread: LoopThread | None = None,
    ) -> None:
        self._server = AsyncFaultServer(host, port, mode=mode, ssl=ssl, seed=seed)
        self._shared = thread
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._thread = self._shared or stack.enter_context(LoopThread())
            self._thread.run(self._server.start())
            stack.callback(lambda: self._thread.run(self._server.stop()))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stack.close()

    @property
    def mode(self) -> ModeOrChoice:
        """How requests are treated; once assigned, the port already refuses or accepts accordingly."""
        return self._server.mode

    @mode.setter
    def mode(self, mode: ModeOrChoice) -> None:
        self._thread.run(self._server.set_mode(mode))

    @property
    def host(self) -> str:
        """The address without the port."""
        return self._server.host

    @property
    def port(self) -> int:
        """The port, known once the server was entered."""
        return self._server.port

    @property
    def address(self) -> str:
        """`host:port`."""
        return self._server.address

    @property
    def url(self) -> str:
        """`http://host:port` or `https://host:port`, without a slash at the end."""
        return f"{'https' if self._server.ssl else 'http'}://{self.address}"

    @property
    def requests(self) -> int:
        """Requests received so far, answered or not."""
        return self._server.requests

    @property
    def received(self) -> list[Request]:
        """The newest requests, oldest first."""
        return list(self._server.kept)

    @property
    def executions(self) -> Counter[str]:
        """How often each `X-Request-Id` was executed."""
        return Counter(self._server.executions)

    @property
    def connections(self) -> int:
        """Connections accepted so far."""
        return self._server.connections

    @property
    def open_connections(self) -> int:
        """Connections open now."""
        return self._server.open_connections
