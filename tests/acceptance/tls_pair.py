"""A server with several certificates on one address that says in each answer which one its connection was made with."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Sequence
from typing import Any

import trustme

from tests.acceptance.serving import Server


class TlsPair(Server):
    """`hosts` have a certificate each, chosen by the name the client asks for (SNI); any other name gets the first's.

    An answer is JSON: `certificate`, `sni` and `connection` (a number) are the connection's, `host` is the request's.
    The path `/to/NAME` is answered by a redirect to that host.
    """

    def __init__(self, ca: trustme.CA, hosts: Sequence[str]) -> None:
        super().__init__()
        self._contexts = {host: _context(ca.issue_cert(host)) for host in hosts}
        self._asked: dict[int, str | None] = {}
        self.ssl = next(iter(self._contexts.values()))
        self.ssl.sni_callback = self._choose

    def _choose(self, connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        connection.context = self._contexts.get(name or "", context)
        self._asked[id(connection)] = name  # the connection lives as long as its handler, which takes the entry out

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tls = writer.get_extra_info("ssl_object")
        told: dict[str, Any] = {"connection": self.made, "sni": self._asked.pop(id(tls))}
        told["certificate"] = next(host for host, context in self._contexts.items() if context is tls.context)
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            writer.write(_answer(told, head))
            await writer.drain()


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
