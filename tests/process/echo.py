"""A backend that answers every request with the request's own target: a body that belongs to another one shows."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from meshlib.testing.server import FaultServer, Mode, Request


@dataclass
class Echo:
    """`url` is the server's own, `ca` the path of what its certificate is checked with ("" without TLS)."""

    server: FaultServer
    url: str
    ca: str


@contextmanager
def echo(folder: Path, *, tls: bool = False, delay: float = 0.0) -> Iterator[Echo]:
    """The server, on a free port; `delay` seconds before each answer."""

    def answer(request: Request) -> Mode:
        return Mode(body=request.target.encode(), delay=delay)

    context, path = _identity(folder) if tls else (None, "")
    with FaultServer(mode=answer, ssl=context) as server:
        yield Echo(server, server.url, path)


def _identity(folder: Path) -> tuple[ssl.SSLContext, str]:
    authority, context, path = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), folder / "ca.pem"
    authority.issue_cert("payment-service", "127.0.0.1").configure_cert(context)
    path.write_bytes(authority.cert_pem.bytes())
    return context, str(path)
