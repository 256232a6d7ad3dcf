"""Our HTTP/1.1 connection does what httpcore's does: the same scripted stream under both, and the same outcome.

Wanted differences, each in a test of its own: a connection is not used again when bytes trail its answer or when a
write has failed; a small body that is wrong in itself is refused before its head was sent; and an upload that is not
as long as announced fails with httpcore's LocalProtocolError, where httpcore lets h11's pass.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire.scripted import TWO, Upload, both, each


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({place % (len(data) + 1) for place in cuts} | {0, len(data)})
    return [data[a:b] for a, b in itertools.pairwise(places)]


HEADS = [
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 200 \r\n",
    b"HTTP/1.1 404 Not Found\r\n",
    b"HTTP/1.0 200 OK\r\n",
    b"HTTP/1.1 204 No Content\r\n",
    b"HTTP/1.1 304 Not Modified\r\n",
    b"HTTP/1.1 200 OK\n",
    b"HTTP/1.1 999 Odd\r\n",
    b"HTTP/2 200 OK\r\n",
    b"ICY 200 OK\r\n",
    b"\r\nHTTP/1.1 200 OK\r\n",
]
BEFORE = [b"", b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 2]
BEFORE += [b"HTTP/1.1 101 Switching Protocols\r\n\r\n"]
FIELDS = [
    b"Content-Length: 5\r\n",
    b"Content-Length: 5, 5\r\n",
    b"Content-Length: +5\r\n",
    b"Content-Length: 99\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n",
    b"Connection: close\r\n",
    b"Connection: keep-alive\r\nKeep-Alive: timeout=7, max=9\r\n",
    b"X-Folded: a\r\n b\r\n",
    b"X-Bare: a\n",
    b"x-CASE:   padded  \r\n",
    b"Bad Name: x\r\n",
    b"X-Nul: a\x00b\r\n",
    b": empty\r\n",
    b"X-Long: " + b"x" * 70_000 + b"\r\n",
]
BODIES = [
    b"",
    b"hello",
    b"hel",
    b"5\r\nhello\r\n0\r\n\r\n",
    b"5;ext=1\r\nhello\r\n0\r\nTrailer: t\r\n\r\n",
    b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
    b"5\r\nhello\r\n",
    b"zz\r\nhello\r\n",
    b"5\r\nhelloXX0\r\n\r\n",
    b"5\nhello\n0\n\n",
    b"-5\r\nhello\r\n0\r\n\r\n",
    b"5" * 30 + b"\r\n",
]
answers = st.builds(
    lambda before, head, fields, end, body: before + head + b"".join(fields) + end + body,
    st.sampled_from(BEFORE),
    st.one_of(st.just(HEADS[0]), st.sampled_from(HEADS)),
    st.lists(st.one_of(st.sampled_from(FIELDS[:8]), st.sampled_from(FIELDS)), max_size=3),
    st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b""]),
    st.sampled_from(BODIES),
)


def same(pair: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """Equal, but for the wanted difference: what trails an answer ends the connection."""
    ours, stock = pair
    if stock["trails"] and stock.get("reusable"):
        stock = {**stock, "reusable": False, "closed": True}
    assert ours == stock


@given(
    answer=answers,
    cuts=st.lists(st.integers(0, 200), max_size=6),
    method=st.sampled_from([b"GET", b"GET", b"HEAD", b"POST"]),
    which=st.sampled_from(TWO),
    hold=st.booleans(),
)
@settings(max_examples=150)
def test_any_answer_in_any_pieces_has_the_same_outcome(answer, cuts, method, which, hold):
    same(both(which, cut(answer, cuts), method, hold=hold))


@each
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("fields", [b"", FIELDS[0], FIELDS[4], FIELDS[0] + FIELDS[4]], ids=["eof", "cl", "te", "both"])
def test_every_framing_has_the_same_outcome_whole_and_byte_by_byte(name, fields, body):
    answer = BEFORE[2] + HEADS[0] + fields + b"\r\n" + body
    same(both(name, [answer]))
    same(both(name, [answer[i : i + 1] for i in range(len(answer))]))


OK = HEADS[0] + FIELDS[0] + b"\r\nhello"
CHUNKED, LENGTH = (b"Transfer-Encoding", b"chunked"), (b"Content-Length", b"6")
HOST = (b"Host", b"h")


@each
@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("parts", [[], [b"abc", b"def"], [b"", b"abcdef"], [b"abc"], [b"abcdef", b"g"]])
@pytest.mark.parametrize("framing", [CHUNKED, LENGTH, (b"Expect", b"100-continue")])
def test_an_upload_in_parts_is_written_and_fails_alike(name, framing, parts, fails):
    """Also one that is shorter or longer than announced, or raises in the middle."""
    same(both(name, [BEFORE[2] + OK], b"POST", [HOST, framing], Upload(parts, fails)))


@each
@pytest.mark.parametrize("size", [0, 6, 70_000])
def test_a_body_of_bytes_is_written_alike(name, size):
    headers = [HOST, (b"Content-Length", str(size).encode())]
    ours, stock = both(name, [OK], b"POST", headers, b"x" * size)
    assert ours == stock
    assert ours["reusable"]


@each
@pytest.mark.parametrize(
    "headers",
    [[], [HOST, HOST], [HOST, (b"Bad Name", b"x")], [HOST, (b"X", b"a\r\nb")], [HOST, (b"Content-Length", b"x")]],
    ids=["no host", "two hosts", "name", "value", "length"],
)
def test_a_head_that_h11_refuses_is_refused_alike(name, headers):
    ours, stock = both(name, [OK], b"GET", headers)
    assert ours == stock
    assert ours["error"][0].__name__ == "LocalProtocolError"
    assert ours["written"] == b""


@each
@pytest.mark.parametrize("fields", [b"Connection: close\r\n", b"Connection: Keep-Alive, close\r\n", b""])
def test_who_said_close_is_not_asked_again(name, fields):
    ours, stock = both(name, [HEADS[0] + fields + FIELDS[0] + b"\r\nhello"])
    assert ours == stock
    assert ours["reusable"] is not bool(fields)
    ours, stock = both(name, [OK], headers=[HOST, (b"Connection", b"close")])
    assert ours == stock
    assert not ours["reusable"]


# The differences that are wanted.


@each
@pytest.mark.parametrize("hold", [False, True])
def test_bytes_that_trail_an_answer_end_the_connection(name, hold):
    """They would be taken for the answer to the next request. httpcore keeps them."""
    ours, stock = both(name, [OK + b"HTTP/1.1 200 OK\r\n"], hold=hold)
    assert (ours["reusable"], ours["closed"], stock["reusable"]) == (False, True, True)
    assert {**ours, "reusable": True, "closed": False} == stock


@each
@pytest.mark.parametrize("breaks", [0, 1, 2])
def test_an_early_answer_counts_and_its_connection_is_not_used_again(name, breaks):
    """Whether the last write failed or an earlier one. httpcore keeps it where it was the last."""
    ours, stock = both(name, [OK], b"POST", [HOST, CHUNKED], Upload([b"abc"]), breaks=breaks)
    assert (ours["status"], ours["body"]) == (200, b"hello")
    assert (ours["reusable"], ours["closed"]) == (False, True)
    assert {**stock, "reusable": False, "closed": True} == ours


@each
@pytest.mark.parametrize("size", [5, 7])
def test_a_small_body_that_contradicts_its_length_is_refused_before_anything_was_sent(name, size):
    ours, stock = both(name, [OK], b"POST", [HOST, (b"Content-Length", str(size).encode())], b"abcdef")
    assert ours["error"] == stock["error"]
    assert ours["error"][0].__name__ == "LocalProtocolError"
    assert (ours["written"], ours["closed"]) == (b"", True)
