"""What the router gives back to the lean `send()`: the head of an answer, and its body or where that comes from."""

from __future__ import annotations

from typing import Any


class Answer:
    """The answer to one `Outgoing`.

    `body` is the whole body as it came, still encoded, or None where it has not arrived yet; then `stream` gives it: an
    iterable of bytes, sync with `close()` or async with `aclose()`, as the client is.
    """

    __slots__ = ("body", "extensions", "headers", "status", "stream")

    def __init__(
        self,
        status: int,
        headers: list[tuple[bytes, bytes]],
        extensions: dict[str, Any],
        body: bytes | None = None,
        stream: Any = None,
    ) -> None:
        self.status = status
        self.headers = headers
        self.extensions = extensions
        self.body = body
        self.stream = stream
