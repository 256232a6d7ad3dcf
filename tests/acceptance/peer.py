"""A server that reads and writes at its own pace and counts what has passed, to see how much waits in the client."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator

from tests.acceptance.serving import Server

PIECE = 65536
SIZE = 160 * PIECE
"""Bytes of a download: 10 MiB."""


class Peer(Server):
    """GET is answered by SIZE zeros; any other method by the SHA-256 of the body it brought.

    `pause`: seconds between two reads of a body. `received` and `sent` are bytes of bodies.
    """

    buffers = 64 * 1024  # so that little of what the client has sent can be under way

    def __init__(self) -> None:
        super().__init__()
        self.pause = 0.0
        self.received = self.sent = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await self._answer((await reader.readuntil(b"\r\n\r\n")).decode().lower(), reader, writer)

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
