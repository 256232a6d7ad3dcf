"""Responses that are not returned: their connection lives on, and none stays open."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from meshlib.errors import CircuitOpen, raised_as
from tests.layers.chains import play, retry


class Body(httpx.SyncByteStream):
    def __init__(self, size: int = 4, breaks: bool = False) -> None:
        self.size, self.breaks, self.read, self.closed = size, breaks, 0, False

    def __iter__(self) -> Iterator[bytes]:
        if self.breaks:
            raise httpx.ReadError("reset")
        self.read += self.size
        yield b"x" * self.size

    def close(self) -> None:
        self.closed = True


def streamed(body: Body, length: int | None) -> Any:
    headers = {} if length is None else {"content-length": str(length)}
    return httpx.Response(503, stream=body, headers=headers)


@pytest.mark.parametrize(
    ("size", "length", "read"), [(4, 4, 4), (65536, 65536, 65536), (65537, 65537, 0), (4, None, 0), (4, 10**12, 0)]
)
def test_a_short_body_is_read_so_that_its_connection_can_be_used_again(size: int, length: Any, read: int) -> None:
    body = Body(size)
    story = play(retry(backoff=0), [streamed(body, length), 200])
    assert story.outcome.status_code == 200
    assert (body.read, body.closed) == (read, True)


def test_reading_it_is_given_100_ms_by_the_wire() -> None:
    story = play(retry(backoff=0), [streamed(Body(), 4), 200], takes=1.0)
    assert story.attempts[0].deadline == pytest.approx(1.1)


def test_a_body_that_breaks_does_not_hurt_the_call() -> None:
    body = Body(breaks=True)
    assert play(retry(backoff=0), [streamed(body, 4), 200]).outcome.status_code == 200
    assert body.closed


def test_a_response_is_returned_after_a_refusal_if_it_can_still_be_read() -> None:
    open_circuit = raised_as(CircuitOpen, httpx)("open")
    kept = play(retry(backoff=0), [streamed(Body(), 4), open_circuit]).outcome
    assert kept.read() == b"xxxx"
    assert isinstance(play(retry(backoff=0), [streamed(Body(), None), open_circuit]).outcome, CircuitOpen)


def test_the_response_that_is_returned_stays_open() -> None:
    body = Body()
    story = play(retry(backoff=0, max_attempts=2), [streamed(Body(), 4), streamed(body, 4)])
    assert not body.closed
    assert story.outcome.read() == b"xxxx"
