"""The servers that every scenario is played on, and what they answer to which path."""

from __future__ import annotations

import socket
import ssl
from collections import Counter
from contextlib import ExitStack
from typing import Any

import trustme

from meshlib.testing import DnsServer, FaultServer, Mode
from meshlib.testing.server.aio import bind
from meshlib.testing.server.request import Request
from tests.wire.h2server import H2Server

NAME = "payment-service"
LARGE = bytes(range(256)) * 1200
"""A body that does not come with its head: 300 kB."""


class Answers:
    """Chooses by path. Those that fail do so once for each `X-Request-Id`."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()

    def __call__(self, request: Request) -> Mode:
        key = request.request_id or ""
        self.seen[key] += 1
        match request.target:
            case "/large":
                return Mode(body=LARGE)
            case "/busy" if self.seen[key] == 1:
                return Mode.fail(503)
            case "/broken":
                return Mode.fail(500)
            case "/there":
                return Mode(status=307, headers=(("Location", "/"),), body=b"")
            case "/secret" if "authorization" not in request.headers:
                return Mode(status=401, headers=(("WWW-Authenticate", "Custom"),))
            case "/slow":
                return Mode.ok(delay=0.002)
        return Mode.ok()


class Stage:
    """Plain, TLS and HTTP/2 servers, a name server that knows the plain one, and a port on which nobody listens."""

    def __enter__(self) -> Stage:
        ca = trustme.CA()
        self.trust = ssl.create_default_context()
        ca.configure_trust(self.trust)
        with ExitStack() as stack:
            self.answers = Answers()
            self.plain = stack.enter_context(FaultServer(mode=self.answers))
            self.tls = stack.enter_context(FaultServer(mode=self.answers, ssl=_identity(ca)))
            self.h2 = stack.enter_context(H2Server(ca, NAME))
            self.dns = stack.enter_context(DnsServer())
            self.dns.set("pay.test", "A", [self.plain.host], ttl=60)
            self.dns.set("pay.test", "AAAA", [], ttl=60)
            self.refused = stack.enter_context(bind("127.0.0.1", 0))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self._stack.close()

    @property
    def ports(self) -> frozenset[int]:
        """Ports whose connections are counted."""
        return frozenset({self.plain.port, self.tls.port, int(self.h2.address.rpartition(":")[2]), port(self.refused)})


def port(sock: socket.socket) -> int:
    return int(sock.getsockname()[1])


def _identity(ca: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(NAME, "127.0.0.1").configure_cert(context)
    return context
