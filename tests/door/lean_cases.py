"""Requests, and answers of a server to them, drawn out of everything that can be combined."""

import gzip
import random
import zlib
from dataclasses import dataclass, field
from typing import Any

import brotli
import zstandard

from tests.door.rawserver import Scripted

CODINGS = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "identity": bytes,
    "unknown": bytes,
    "gzip, br": lambda data: brotli.compress(gzip.compress(data)),
    "broken": bytes,
}
REASONS = {200: "OK", 201: "Created", 204: "No Content", 304: "Not Modified", 404: "Not Found", 418: "", 302: "Found"}
TEXTS = ("", "plain", "äöü ß", "line\nline\r\nlast", "x" * 3_000, "y" * 200_000)
TYPES = ("text/plain", "text/plain; charset=latin-1", "application/json", "text/html; charset=nonsense", None)


@dataclass(frozen=True)
class Case:
    """A request and what the server answers."""

    method: str = "GET"
    arguments: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    framing: str = "length"  # length, chunked, close
    fault: str | None = None
    pieces: int = 1
    read: str = "whole"

    def answer(self) -> Scripted:
        lines = [f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Odd')}", *(f"{n}: {v}" for n, v in self.headers)]
        bodiless = self.method == "HEAD" or self.status in (204, 304)
        if self.framing == "length" and not (bodiless and self.status == 204):
            lines.append(f"Content-Length: {len(self.body)}")
        if self.framing == "chunked":
            lines.append("Transfer-Encoding: chunked")
        if self.framing == "close":
            lines.append("Connection: close")
        raw = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (b"" if bodiless else self._framed())
        raw, closed = _faulty(raw, self.fault)
        size = max(len(raw) // self.pieces, 1)
        pieces = tuple(raw[i : i + size] for i in range(0, len(raw), size)) if raw else ()
        return Scripted(pieces, close=closed or self.framing == "close")

    def _framed(self) -> bytes:
        if self.framing != "chunked":
            return self.body
        parts = [self.body[i : i + 1_000] for i in range(0, len(self.body), 1_000)]
        return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def _faulty(raw: bytes, fault: str | None) -> tuple[bytes, bool]:
    """The answer with a fault in it, and whether the connection ends with it."""
    return {
        None: (raw, False),
        "nothing": (b"", True),
        "half a head": (raw[:10], True),
        "no http": (b"SSH-2.0-OpenSSH\r\n\r\n", True),
        "bad header": (raw.replace(b"\r\n\r\n", b"\r\nbad header\r\n\r\n", 1), True),
        "cut": (raw[:-3], True),
        "early hints": (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + raw, False),
        "announced close": (raw.replace(b"\r\n", b"\r\nConnection: close\r\n", 1), True),
    }[fault]


def drawn(rng: random.Random) -> Case:
    """A case out of everything that can be combined."""
    coding = rng.choice([None, None, *CODINGS])
    text = rng.choice(TEXTS)
    headers = [("Server", "raw"), ("X-Odd", "value"), ("x-odd", "again"), ("X-Latin", "gr\xfcn")]
    kind = rng.choice(TYPES)
    if kind:
        headers.append(("Content-Type", kind))
    if coding:
        headers.append(("Content-Encoding", "gzip" if coding == "broken" else coding))
    if rng.random() < 0.3:
        headers += [("Set-Cookie", f"a={rng.randrange(9)}; Path=/"), ("Set-Cookie", "b=2; Max-Age=100")]
    status = rng.choice([200, 200, 200, 201, 204, 304, 404, 418, 299, 302, 302, 307])
    if status in (302, 307) and rng.random() < 0.9:
        headers.append(("Location", rng.choice(["/ok", "ok?x=1", "http://127.0.0.1:1/gone", "http://[bad", "//", ""])))
    if rng.random() < 0.1:
        headers.append(("Link", '</next>; rel="next"'))
    return Case(
        method=rng.choice(["GET", "GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH", "get", "PURGE"]),
        arguments=_arguments(rng),
        status=status,
        headers=tuple(headers),
        body=CODINGS[coding](text.encode()) if coding else text.encode(),
        framing=rng.choice(["length", "length", "chunked", "close"]),
        fault=rng.choice(
            [None] * 12
            + ["nothing", "half a head", "no http", "bad header", "cut", "cut", "early hints", "announced close"]
        ),
        pieces=rng.choice([1, 1, 1, 2, 7]),
        read=rng.choice(["whole", "whole", "whole", "bytes", "raw", "raw 7", "text", "lines", "some", "nothing"]),
    )


def _arguments(rng: random.Random) -> dict[str, Any]:
    body = rng.choice(
        [
            {},
            {},
            {"content": b"body"},
            {"content": "chunks"},
            {"json": {"a": 1}},
            {"data": {"a": "b"}},
            {"files": {"f": b"data"}},
        ]
    )
    extra: list[dict[str, Any]] = [
        {},
        {"params": {"q": "ä b"}},
        {"headers": {"x-own": "1", "Accept-Encoding": "gzip"}},
        {"headers": [("x-twice", "1"), ("X-Twice", "2")]},
        {"follow_redirects": True},
        {"extensions": {"own": 1}},
        {"timeout": 5.0},
        {"timeout": None},
    ]
    return body | rng.choice(extra)
