"""One connection to a fault server: carries out the plan of each request, one after another, by timers of the loop."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

from meshlib.testing.server.answer import Step, plan
from meshlib.testing.server.request import BadRequestError, RequestParser

if TYPE_CHECKING:
    from meshlib.testing.server.aio import AsyncFaultServer

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 seconds: close sends RST instead of FIN
_BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Connection(asyncio.Protocol):
    """Requests that arrive while one is being answered wait in the parser."""

    def __init__(self, server: AsyncFaultServer) -> None:
        self._server = server
        self._parser = RequestParser()
        self._busy = False
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._server.connected(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._transport = None
        self._server.disconnected(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed(data)
        if not self._busy:
            self._next_request()

    def reset(self) -> None:
        """End the connection by a TCP reset."""
        if self._transport is None:
            return
        sock: socket.socket | None = self._transport.get_extra_info("socket")
        if sock is not None:  # else a TLS handshake has failed and closed it
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()

    def _next_request(self) -> None:
        try:
            request = self._parser.next()
        except BadRequestError:
            self._send(_BAD_REQUEST)
            self._close()
            return
        self._busy = request is not None
        if request is not None:
            mode = self._server.received(request)
            self._advance(plan(mode, request, self._server.address, self._server.rng))

    def _advance(self, steps: Iterator[Step]) -> None:
        """Carry out steps until one has to wait."""
        for step in steps:
            if step.wait > 0:
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(step.wait, self._resume, step, steps)
                return
            self._carry_out(step)

    def _resume(self, step: Step, steps: Iterator[Step]) -> None:
        self._carry_out(step)
        self._advance(steps)

    def _carry_out(self, step: Step) -> None:
        self._send(step.data)
        match step.then:
            case "reset":
                self.reset()
            case "close":
                self._close()
            case "keep":
                self._busy = False
                self._next_request()

    def _send(self, data: bytes) -> None:
        if self._transport is not None and data:
            self._transport.write(data)

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()
