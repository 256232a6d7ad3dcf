"""A small HTTP/2 server over TLS on h2, in a thread, which keeps what it was asked.

It answers at once, with a long body on `/large` (as fast as the reader takes it), with half a body on `/stall`, and
never on `/hang`.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import trustme

from meshlib.testing.loopthread import LoopThread

LARGE = bytes(range(256)) * 800


class H2Server:
    def __init__(self, ca: trustme.CA, name: str) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.set_alpn_protocols(["h2"])
        ca.issue_cert(name, "127.0.0.1").configure_cert(self.context)
        self.connections = 0
        self.asked: list[dict[bytes, bytes]] = []

    def __enter__(self) -> H2Server:
        self._thread = LoopThread()
        self._thread.__enter__()
        self._thread.run(self._start())
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self._thread.run(self._stop())
        self._thread.__exit__(*exc_info)

    async def _start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Protocol(self), "127.0.0.1", 0, ssl=self.context)
        self.address = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        self.open: set[_Protocol] = set()

    async def _stop(self) -> None:
        self._server.close()
        for protocol in list(self.open):
            protocol.transport.abort()
        await asyncio.sleep(0.01)


class _Protocol(asyncio.Protocol):
    transport: asyncio.Transport

    def __init__(self, server: H2Server) -> None:
        self.server = server
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding=None))
        self.unsent: dict[int, bytes] = {}

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.server.connections += 1
        self.server.open.add(self)
        self.h2.initiate_connection()
        transport.write(self.h2.data_to_send())

    def connection_lost(self, exc: Exception | None) -> None:
        self.server.open.discard(self)

    def data_received(self, data: bytes) -> None:
        for event in self.h2.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                self._answer(event.stream_id, dict(event.headers))
            elif isinstance(event, h2.events.StreamReset):
                self.unsent.pop(event.stream_id, None)
        for stream in list(self.unsent):
            self._send(stream)
        self.transport.write(self.h2.data_to_send())

    def _answer(self, stream: int, headers: dict[bytes, bytes]) -> None:
        self.server.asked.append(headers)
        if headers[b":path"] != b"/hang":
            body = LARGE if headers[b":path"] == b"/large" else b"ok"
            self.h2.send_headers(stream, [(b":status", b"200"), (b"content-length", b"%d" % len(body))])
            if headers[b":path"] == b"/stall":
                self.h2.send_data(stream, body[:1])
            else:
                self.unsent[stream] = body

    def _send(self, stream: int) -> None:
        """As much as the reader's windows allow."""
        try:
            while self.unsent[stream]:
                most = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
                if most <= 0:
                    return
                part, self.unsent[stream] = self.unsent[stream][:most], self.unsent[stream][most:]
                self.h2.send_data(stream, part, end_stream=not self.unsent[stream])
        except h2.exceptions.ProtocolError:  # the client has reset it, or goes away
            pass
        self.unsent.pop(stream)
