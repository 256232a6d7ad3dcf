"""A server with several certificates on one address that says in each answer which one its connection was made with."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import trustme

from meshlib.testing.loopthread import LoopThread


class TlsPair:
    """`hosts` have a certificate each, chosen by the name the client asks for (SNI); any other name gets the first's.

    An answer is JSON: `certificate`, `sni` and `connection` (a number) are the connection's, `host` is the request's.
    The path `/to/NAME` is answered by a redirect to that host. `connections` counts those that were made.
    """

    def __init__(self, ca: trustme.CA, hosts: Sequence[str]) -> None:
        self._contexts = {host: _context(ca.issue_cert(host)) for host in hosts}
        self._first = next(iter(self._contexts.values()))
        self._asked: dict[int, str | None] = {}
        self.connections = 0
        self.address = ""

    def _choose(self, connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        connection.context = self._contexts.get(name or "", context)
        self._asked[id(connection)] = name  # the connection lives as long as its handler, which takes the entry out

    async def start(self) -> asyncio.Server:
        """Listen on a free port."""
        self._first.sni_callback = self._choose
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._first)
        self.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tls = writer.get_extra_info("ssl_object")
        self.connections += 1
        told: dict[str, Any] = {"connection": self.connections, "sni": self._asked.pop(id(tls))}
        told["certificate"] = next(host for host, context in self._contexts.items() if context is tls.context)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                writer.write(_answer(told, head))
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            writer.close()


def _answer(told: dict[str, Any], head: str) -> bytes:
    first, *lines = head.splitlines()
    path = first.split()[1]
    headers = dict(line.lower().split(": ", 1) for line in lines if line)
    body = json.dumps({**told, "host": headers["host"]}).encode()
    if path.startswith("/to/"):
        return b"HTTP/1.1 307 Temporary Redirect\r\nLocation: https://%s/\r\nContent-Length: %d\r\n\r\n%s" % (
            path.removeprefix("/to/").encode(),
            len(body),
            body,
        )
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def _context(cert: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    cert.configure_cert(context)
    return context


@contextmanager
def tls_pair(ca: trustme.CA, *hosts: str) -> Iterator[TlsPair]:
    """A running TlsPair, in a thread of its own."""
    pair = TlsPair(ca, hosts)
    with LoopThread() as thread:
        server = thread.run(pair.start())
        try:
            yield pair
        finally:
            thread.run(_stopped(server))


async def _stopped(server: asyncio.Server) -> None:
    server.close()
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
