"""What the lean `send()` hands to the router: a request without the objects that httpcore's interface wants."""

from __future__ import annotations

from typing import Any


class Outgoing:
    """One attempt's request, ready for the wire.

    `port` is None where the URL names none. `headers` is the router's to change; `stream` is httpx's `request.stream`,
    iterable sync or async as the client is; `extensions` are the caller's and not to be changed.
    """

    __slots__ = ("extensions", "headers", "host", "method", "port", "scheme", "stream", "target")

    def __init__(
        self,
        method: bytes,
        scheme: bytes,
        host: bytes,
        port: int | None,
        target: bytes,
        headers: list[tuple[bytes, bytes]],
        stream: Any,
        extensions: dict[str, Any],
    ) -> None:
        self.method = method
        self.scheme = scheme
        self.host = host
        self.port = port
        self.target = target
        self.headers = headers
        self.stream = stream
        self.extensions = extensions

    @property
    def timeouts(self) -> dict[str, float | None]:
        """httpx's, in seconds: connect, read, write, pool."""
        return self.extensions.get("timeout") or {}
