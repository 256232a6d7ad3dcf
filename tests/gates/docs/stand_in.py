"""One server on loopback that stands for every host the documentation names.

In the process of a page every name resolves to loopback, and every connection to a port below the ephemeral range ends
at the stand-in, in plain text or TLS as the client begins. Names under `.invalid` stay unknown.
"""

import http.server
import json
import os
import socket
import ssl
import tempfile
import threading
from pathlib import Path
from typing import Any

import dns.resolver
import trustme

from meshlib.testing.dns import DnsServer

EPHEMERAL = 32768  # ports above it are real: a block's own server, or one of ours


class Handler(http.server.BaseHTTPRequestHandler):
    """200 with a small JSON, unless `StandIn.next` holds a status to be answered first."""

    protocol_version = "HTTP/1.1"
    server: "StandIn"

    def setup(self) -> None:
        if self.request.recv(1, socket.MSG_PEEK) == b"\x16":  # a TLS handshake begins
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def handle_any(self) -> None:
        sent = self.rfile.read(int(self.headers.get("content-length") or 0))
        status = self.server.next.pop(0) if self.server.next else 200
        body = json.dumps({"ok": status < 400, "path": self.path, "received": len(sent)}).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = handle_any

    def log_message(self, *_: Any) -> None:
        """The page's output is its own."""


class StandIn(http.server.ThreadingHTTPServer):
    """What a page's setup may use: `next`, statuses to answer first, and `dns`, whose records `dns.set` changes."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.next: list[int] = []
        self.tls = self._tls()
        self.dns = DnsServer()
        self.dns.__enter__()
        threading.Thread(target=self.serve_forever, daemon=True).start()
        self._take_over()

    def handle_error(self, *_: Any) -> None:
        """A client that goes away in the middle is none of the page's business."""

    def _tls(self) -> ssl.SSLContext:
        """Certificates for whatever name the client asks for, signed by an authority that clients here trust."""
        authority = trustme.CA()
        trusted = Path(tempfile.mkdtemp()) / "ca.pem"
        authority.cert_pem.write_to_path(trusted)
        os.environ["SSL_CERT_FILE"] = str(trusted)

        def named(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
            own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert(name or "127.0.0.1").configure_cert(own)
            connection.context = own

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        context.sni_callback = named  # type: ignore[assignment]
        return context

    def _take_over(self) -> None:
        here, dns_port = self.server_address, self.dns.port
        connect, connect_ex, resolve = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

        def redirected(address: Any) -> Any:
            return here if isinstance(address, tuple) and address[1] < EPHEMERAL else address

        def getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
            name = host.decode() if isinstance(host, bytes) else host
            if name and name.rstrip(".").endswith(".invalid"):
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            own = name and name.startswith("127.")  # a block's own servers stand on several loopback addresses
            return resolve("127.0.0.1" if name and not own else name, port, *args, **kwargs)

        def read_resolv_conf(resolver: dns.resolver.Resolver, _: Any) -> None:
            resolver.nameservers, resolver.port, resolver.search = ["127.0.0.1"], dns_port, []

        socket.socket.connect = lambda self, address: connect(self, redirected(address))  # type: ignore[method-assign]
        socket.socket.connect_ex = lambda self, address: connect_ex(self, redirected(address))  # type: ignore[method-assign]
        socket.getaddrinfo = getaddrinfo
        dns.resolver.Resolver.read_resolv_conf = read_resolv_conf  # type: ignore[method-assign]
