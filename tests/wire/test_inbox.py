"""What was read before it was asked for comes out in order, whole, and never more than was asked for."""

from hypothesis import given
from hypothesis import strategies as st

from meshlib.wire.inbox import Inbox


@given(st.lists(st.binary(min_size=1, max_size=50)), st.lists(st.integers(1, 60), min_size=1, max_size=1000))
def test_every_byte_comes_out_once_in_order(chunks, sizes):
    inbox, got = Inbox(), b""
    for chunk in chunks:
        inbox.put(chunk)
    assert inbox.size == sum(map(len, chunks))
    for size in sizes:
        if inbox.size:
            part = inbox.take(size)
            assert 0 < len(part) <= size
            got += part
            assert inbox.size == sum(map(len, chunks)) - len(got)
    assert b"".join(chunks).startswith(got)


def test_a_chunk_that_fits_is_handed_on_without_a_copy():
    inbox, chunk = Inbox(), b"x" * 1000
    inbox.put(chunk)
    assert inbox.take(1000) is chunk


def test_a_cleared_one_is_empty_and_begins_anew():
    inbox = Inbox()
    inbox.put(b"abc")
    inbox.take(1)
    inbox.clear()
    assert inbox.size == 0
    inbox.put(b"de")
    assert inbox.take(9) == b"de"
