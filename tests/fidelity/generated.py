"""Requests and answers as a seed draws them: what users of httpx send, in every combination, and what servers say."""

from __future__ import annotations

import gzip
import io
import random
import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

from tests.fidelity.server import OK, Exchange
from tests.ways import Way

METHODS = ["GET", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE"]
PATHS = [
    "/",
    "",
    "/a/b",
    "/a%2Fb",
    "/ü/ß",
    "/a b",
    "/a;b=c",
    "/../x",
    "//double",
    "/~tilde/$&'()*+,;=:@",
    "/?",
    "/a?b=c",
]
PARAMS = [None, {}, {"a": "1"}, {"a": ["1", "2"]}, {"ü": "ß &="}, [("b", ""), ("a", None)], {"t": True, "n": 1.5}]
HEADERS = [
    {},
    {"x-lower": "1", "X-Upper": "2"},
    {"User-Agent": "mine/1", "Accept": "text/plain"},
    {"Connection": "close"},
    {"Host": "other.example"},
    {"X-Latin": "café".encode("latin-1")},
    {"X-Not-Ascii": "é"},
    {"X-Empty": ""},
    {"Accept-Encoding": "identity", "TE": "trailers"},
    [("x-twice", "1"), ("X-Twice", "2"), ("x-between", "3"), ("x-twice", "4")],
    {"X-Long": "l" * 9000},
    {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
    {"X-Request-Id": "7", "x-envoy-expected-rq-timeout-ms": "100"},
]
STATUSES = [200, 200, 200, 201, 204, 206, 299, 304, 400, 401, 404, 405, 409, 418, 422, 429, 451, 501, 505, 599]
REDIRECTS = [301, 302, 303, 307, 308]


def body_arguments(rng: random.Random, way: Way) -> dict[str, Any]:
    """One of the ways to give a body; iterators are made anew for each client."""
    size = rng.choice([0, 1, 100, 5000, 70_000, 300_000])
    content = rng.randbytes(size)
    kinds: list[dict[str, Any]] = [
        {},
        {"content": content},
        {"content": "text ü"},
        {"content": (several if way.sync else several_later)(content)},
        {"json": {"a": [1, "ü", None]}},
        {"data": {"a": "1", "b": ["2", "ü"]}},
        {"data": {"a": "1"}, "files": {"f": ("n.txt", content, "text/plain")}},
        {"files": {"f": io.BytesIO(content)}},
    ]
    return rng.choice(kinds)


def several(content: bytes) -> Iterator[bytes]:
    for start in range(0, len(content), 4096):
        yield content[start : start + 4096]


async def several_later(content: bytes) -> AsyncIterator[bytes]:
    for chunk in several(content):
        yield chunk


def is_iterator(content: Any) -> bool:
    """Whether a body can be sent once only: httpx refuses it while the redirected request is on its way already, and
    how much of that arrives is chance."""
    return hasattr(content, "send") or hasattr(content, "asend")


def request_arguments(rng: random.Random, way: Way) -> dict[str, Any]:
    """The arguments of `client.request`, but for the host in `url`."""
    body = body_arguments(rng, way)
    headers = rng.choice(HEADERS)
    if "files" in body:
        headers = [*(headers.items() if isinstance(headers, dict) else headers), MULTIPART]
    arguments = {
        "method": rng.choice(METHODS),
        "url": rng.choice(PATHS),
        "params": rng.choice(PARAMS),
        "headers": headers,
        "follow_redirects": rng.random() < 0.5 and not is_iterator(body.get("content")),
        **body,
    }
    if rng.random() < 0.2:
        arguments["auth"] = ("user", "pass ü")
    if rng.random() < 0.2:
        arguments["timeout"] = rng.choice([None, 30, 7.5])
    return arguments


MULTIPART = ("Content-Type", "multipart/form-data; boundary=the-boundary")
"""Else httpx draws a boundary for each request."""


def answer_bytes(rng: random.Random, head_only: bool) -> tuple[bytes, bool]:
    """An answer to a request, without a body where that was HEAD, and whether the connection is closed after it."""
    status = rng.choice(STATUSES + REDIRECTS)
    version = rng.choice([b"1.1"] * 5 + [b"1.0"])
    reason = rng.choice([b" Some Reason", b" ", b""])
    fields = [b"X-A: 1", b"x-a:2  ", b"X-Latin: caf\xe9", b"Date: today", b"X-Empty:"][: rng.randrange(6)]
    if status in REDIRECTS:
        fields.append(b"Location: " + rng.choice([b"/next", b"next?a=b", b"/next/%C3%BC#frag", b"/next/\xc3\xbc"]))
    if rng.random() < 0.2:
        fields.append(b"Set-Cookie: c%d=%d; Path=/" % (rng.randrange(3), rng.randrange(99)))
    framing, body = framed(rng, version)
    if rng.random() < 0.1:
        fields.append(b"Connection: close")
    first = b"HTTP/%s %d%s" % (version, status, reason)
    head = b"\r\n".join([first, *fields, *framing]) + b"\r\n\r\n"
    informational = b"HTTP/1.1 103 Early Hints\r\nLink: </s>\r\n\r\n" if rng.random() < 0.1 else b""
    bodiless = head_only or status in (204, 304)
    delimited = bodiless or framing[-1].startswith((b"Content-Length", b"Transfer"))
    close = b"Connection: close" in fields or version == b"1.0" or not delimited
    return informational + head + (b"" if bodiless else body), close


def framed(rng: random.Random, version: bytes) -> tuple[list[bytes], bytes]:
    """Header lines that say how the body is coded and delimited, and the body as it is on the wire."""
    body = rng.choice([b"", b"short", b'{"a": "\xc3\xbc"}', b"line\r\n" * 30_000, rng.randbytes(3000)])
    fields = [b"Content-Type: " + rng.choice([b"text/plain; charset=utf-8", b"application/json", b"image/png"])]
    coding = rng.choice([None, None, b"gzip", b"deflate"])
    if coding:
        fields.append(b"Content-Encoding: " + coding)
        body = gzip.compress(body, mtime=0) if coding == b"gzip" else zlib.compress(body)
    kind = rng.choice(["length", "length", "chunked", "close"])
    if kind == "close":
        return fields, body
    if kind == "length" or version == b"1.0":
        return [*fields, b"Content-Length: %d" % len(body)], body
    size = rng.choice([7, 1000, 70_000] if len(body) < 10_000 else [1000, 70_000])
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    lines = b"".join(b"%x;ext=1\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks[:400])
    return [*fields, b"Transfer-Encoding: chunked"], lines + b"".join(
        b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks[400:]
    ) + rng.choice([b"0\r\n\r\n", b"0\r\nX-Trailer: 1\r\n\r\n"])


class Answering:
    """Answers each request with what its number draws, so that every client meets the same."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.number = 0

    def __call__(self, exchange: Exchange) -> None:
        exchange.body()
        head_only = exchange.head.startswith(b"HEAD")
        if "/next" in exchange.target:
            exchange.send(OK[:-2] if head_only else OK)
        else:
            data, exchange.closing = answer_bytes(random.Random(f"{self.seed}:{self.number}"), head_only)
            exchange.send(data)
        exchange.closing |= exchange.header("connection") == "close"
