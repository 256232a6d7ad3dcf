"""Two replicas on loopback that answer the first request of each path with 503 and every later one with 200."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@dataclass
class Replicas:
    """What came in: for each request in order its path, trace context and the port it came in at."""

    ports: list[int] = field(default_factory=list)
    requests: list[tuple[str, str | None, int]] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)

    def take(self) -> list[tuple[str, str | None, int]]:
        taken = self.requests[:]
        self.requests.clear()
        return taken


def _handler(replicas: Replicas) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            port: int = self.server.server_address[1]  # type: ignore[assignment]
            replicas.requests.append((self.path, self.headers.get("traceparent"), port))
            replicas.seen[self.path] += 1
            self.send_response(503 if replicas.seen[self.path] == 1 else 200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *args: object) -> None:
            pass

    return Handler


@contextmanager
def replicas() -> Iterator[Replicas]:
    """Two servers in threads; ended with the block."""
    log = Replicas()
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), _handler(log)) for _ in range(2)]
    for server in servers:
        server.daemon_threads = True
        log.ports.append(server.server_address[1])
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield log
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
