"""What the servers of these tests share: a free port, one coroutine per connection, and an end without noise."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from meshlib.testing.loopthread import LoopThread

LIMIT = 65536  # bytes that a reader or writer holds before it waits


class Server:
    """`talk` is a connection's coroutine. `open` and `made` count connections: those that are there, and all."""

    ssl: ssl.SSLContext | None = None
    buffers: int | None = None
    """Bytes of the kernel's buffers on this side; None leaves them to grow."""

    def __init__(self) -> None:
        self.address = ""
        self.open = self.made = 0
        self._writers: set[asyncio.StreamWriter] = set()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer requests until the connection is over. May raise what reading from and writing to one raises."""
        raise NotImplementedError

    async def start(self) -> None:
        """Listen on a free port."""
        sock = socket.socket()
        if self.buffers is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.buffers)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self.buffers)
        sock.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{sock.getsockname()[1]}"
        self._listening = await asyncio.start_server(self._serve, sock=sock, ssl=self.ssl, limit=LIMIT)

    async def stop(self) -> None:
        """Listen no more, and end what is open."""
        self._listening.close()
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.set_write_buffer_limits(LIMIT)
        self._writers.add(writer)
        self.open += 1
        self.made += 1
        try:
            await self.talk(reader, writer)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()
            self._writers.discard(writer)
            self.open -= 1


S = TypeVar("S", bound=Server)


@contextmanager
def serving(server: S) -> Iterator[S]:
    """`server` runs, in a thread of its own."""
    with LoopThread() as thread:
        thread.run(server.start())
        try:
            yield server
        finally:
            thread.run(server.stop())
