"""From a mode to what is sent when: a pure plan of steps, which a connection only has to carry out."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal

from meshlib.testing.server.mode import Mode
from meshlib.testing.server.request import Request

# Seconds between the last bytes and the reset: a reset makes the peer's kernel drop what the peer has not read yet.
SETTLE = 0.02


@dataclass(frozen=True, slots=True)
class Step:
    """Wait so many seconds and send these bytes.

    Then there is more to come, or the answer is complete and the connection kept, or the connection ends.
    """

    wait: float
    data: bytes = b""
    then: Literal["more", "keep", "close", "reset"] = "more"


def plan(mode: Mode, request: Request, served_by: str, rng: random.Random) -> Iterator[Step]:
    """The steps of the answer to `request`. No step at all means: never answer."""
    if not mode.listening:
        yield Step(0.0, b"", "reset")
        return
    wait = mode.delay * rng.lognormvariate(0.0, mode.spread) if mode.spread else mode.delay
    closing = mode.close == "announced" or request.wants_close
    body = mode.body if mode.body is not None else b'{"served_by": "%s"}\n' % served_by.encode()
    head = _head(mode, len(body), served_by, closing)
    if request.method == "HEAD" or mode.status in (204, 304):
        body = b""
    then: Literal["keep", "close"] = "close" if closing or mode.close == "silent" else "keep"
    match mode.answer:
        case "whole":
            yield Step(wait, head + body, then)
        case "reset":
            yield Step(wait, (head + body)[: mode.after])
            yield Step(SETTLE if mode.after else 0.0, b"", "reset")
        case "truncate":
            yield Step(wait, head + body[: max(0, len(body) - mode.after)], "close")
        case "drip_head":
            yield from _drip(wait, head, mode.interval)
            yield Step(0.0, body, then)
        case "drip_body":
            yield Step(wait, head)
            yield from _drip(mode.interval, body, mode.interval)
            yield Step(0.0, b"", then)
        case "hang":
            return


def _drip(first: float, data: bytes, interval: float) -> Iterator[Step]:
    for at in range(len(data)):
        yield Step(interval if at else first, data[at : at + 1])


def _head(mode: Mode, length: int, served_by: str, closing: bool) -> bytes:
    lines = [
        f"HTTP/1.1 {mode.status} {_phrase(mode.status)}",
        "Content-Type: application/json",
        f"X-Served-By: {served_by}",
        *(f"{name}: {value}" for name, value in mode.headers),
    ]
    if mode.status not in (204, 304):
        lines.append(f"Content-Length: {length}")
    if closing:
        lines.append("Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
