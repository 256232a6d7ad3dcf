"""A server that reads and writes at its own pace and counts what has passed, to see how much waits in the client."""

from __future__ import annotations

import asyncio
import hashlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from meshlib.testing.loopthread import LoopThread

PIECE = 65536
SIZE = 160 * PIECE
"""Bytes of a download: 10 MiB."""
BUFFERS = 64 * 1024
"""Bytes of the kernel's buffers on this side, so that little of what the client has sent can be under way."""


class Peer:
    """GET is answered by SIZE zeros; any other method by the SHA-256 of the body it brought.

    `pause`: seconds between two reads of a body. `received` and `sent` are bytes of bodies, `connections` those that
    are open now.
    """

    def __init__(self) -> None:
        self.pause = 0.0
        self.received = self.sent = self.connections = 0
        self.url = ""

    async def start(self) -> asyncio.Server:
        """Listen on a free port."""
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFERS)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFERS)
        sock.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        return await asyncio.start_server(self._serve, sock=sock, limit=PIECE)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.transport.set_write_buffer_limits(PIECE)
        try:
            while True:
                await self._answer((await reader.readuntil(b"\r\n\r\n")).decode().lower(), reader, writer)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()
            self.connections -= 1

    async def _answer(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if head.startswith("get"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE)
            for _ in range(SIZE // PIECE):
                writer.write(bytes(PIECE))
                await writer.drain()
                self.sent += PIECE
            return
        digest = hashlib.sha256()
        async for part in _body(head, reader):
            digest.update(part)
            self.received += len(part)
            await asyncio.sleep(self.pause)
        text = digest.hexdigest().encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text))


async def _body(head: str, reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    if "transfer-encoding: chunked" not in head:
        async for part in _exactly(int(head.partition("content-length: ")[2].partition("\r")[0]), reader):
            yield part
        return
    while length := int(await reader.readline(), 16):
        async for part in _exactly(length, reader):
            yield part
        await reader.readline()
    await reader.readline()


async def _exactly(length: int, reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while length:
        part = await reader.readexactly(min(length, PIECE))
        length -= len(part)
        yield part


@contextmanager
def peer() -> Iterator[Peer]:
    """A running Peer, in a thread of its own."""
    running = Peer()
    with LoopThread() as thread:
        server = thread.run(running.start())
        try:
            yield running
        finally:
            thread.run(_stopped(server))


async def _stopped(server: asyncio.Server) -> None:
    server.close()
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
