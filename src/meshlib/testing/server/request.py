"""What arrived, and the incremental parser that found it: HTTP/1.1 as far as a client library can send it."""

from __future__ import annotations

from dataclasses import dataclass

MAX_HEAD = 64 * 1024  # bytes; a client that sends more is broken, and the test should see it


class BadRequestError(Exception):
    """What arrived is no HTTP/1.1 request."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it was received. Header names are in lower case, repeated ones joined by a comma."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def request_id(self) -> str | None:
        """The `X-Request-Id` by which executions are counted."""
        return self.headers.get("x-request-id")

    @property
    def wants_close(self) -> bool:
        """The client announced that it will not send another request on this connection."""
        return "close" in self.headers.get("connection", "").lower()


class RequestParser:
    """Bytes in, requests out. Raises BadRequestError."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        """Add what arrived."""
        self._buffer += data

    def next(self) -> Request | None:
        """The next whole request, or None until more has arrived."""
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > MAX_HEAD:
                raise BadRequestError("the head is too long")
            return None
        method, target, headers = _parse_head(self._buffer[:end].decode("latin-1"))
        found = self._body(headers, end + 4)
        if found is None:
            return None
        body, consumed = found
        del self._buffer[:consumed]
        return Request(method, target, headers, body)

    def _body(self, headers: dict[str, str], start: int) -> tuple[bytes, int] | None:
        if "chunked" in headers.get("transfer-encoding", "").lower():
            return _chunked(self._buffer, start)
        length = headers.get("content-length", "0")
        if not length.isdigit():
            raise BadRequestError(f"content-length {length!r}")
        end = start + int(length)
        return None if len(self._buffer) < end else (bytes(self._buffer[start:end]), end)


def _parse_head(head: str) -> tuple[str, str, dict[str, str]]:
    first, *lines = head.split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise BadRequestError(f"request line {first!r}")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise BadRequestError(f"header line {line!r}")
        name, value = name.strip().lower(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return words[0], words[1], headers


def _chunked(buffer: bytearray, at: int) -> tuple[bytes, int] | None:
    """The decoded body and where it ends; None while chunks are missing. Trailers are not supported."""
    body = bytearray()
    while (line_end := buffer.find(b"\r\n", at)) >= 0:
        try:
            size = int(buffer[at:line_end].split(b";")[0], 16)
        except ValueError as error:
            raise BadRequestError(f"chunk size {bytes(buffer[at:line_end])!r}") from error
        start, end = line_end + 2, line_end + 2 + size
        if len(buffer) < end + 2:
            return None
        if size == 0:
            return bytes(body), end + 2
        body += buffer[start:end]
        at = end + 2
    return None
