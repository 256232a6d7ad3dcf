"""Which bodies can be sent again, how, and up to which size; in both modules, sync and async."""

import io
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio
import pytest

from meshlib.body import Body
from meshlib.library import Library, httpx2_library, httpx_library

LIBRARIES = [pytest.param(httpx_library(), id="httpx"), pytest.param(httpx2_library(), id="httpx2")]
pytestmark = pytest.mark.parametrize("library", LIBRARIES)


def chunks(n: int = 3) -> Iterator[bytes]:
    yield from (b"%d" % i for i in range(n))


async def async_chunks(n: int = 3) -> AsyncIterator[bytes]:
    for i in range(n):
        yield b"%d" % i


class Reiterable:
    def __iter__(self) -> Iterator[bytes]:
        yield from (b"0", b"1", b"2")


class AsyncReiterable:
    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in (b"0", b"1", b"2"):
            yield part


def request(library: Library, **kw: Any) -> Any:
    return library.hx.Request("POST", "http://payment-service/", **kw)


def send(stream: Any) -> bytes:
    """What the wire does: one pass over the stream."""
    if hasattr(stream, "__iter__"):
        return b"".join(stream)
    return anyio.run(_send, stream)


async def _send(stream: Any) -> bytes:
    return b"".join([part async for part in stream])


@pytest.mark.parametrize(
    "content", [{}, {"content": b"012"}, {"content": "012"}, {"json": {"a": 1}}, {"data": {"a": "1"}}]
)
def test_bytes_need_no_object_of_ours(library: Library, content: dict[str, Any]) -> None:
    made = request(library, **content)
    assert Body.of(made, library, 0) is None
    assert send(made.stream) == send(made.stream)


@pytest.mark.parametrize("content", [[b"0", b"1", b"2"], Reiterable(), AsyncReiterable()])
def test_what_can_be_iterated_again_is_sent_again_as_it_is(library: Library, content: Any) -> None:
    made = request(library, content=content)
    assert Body.of(made, library, 0) is None
    assert send(made.stream) == send(made.stream) == b"012"


@pytest.mark.parametrize("make", [chunks, async_chunks, lambda: iter([b"0", b"1", b"2"])])
def test_what_can_be_read_once_is_kept_and_sent_again(library: Library, make: Any) -> None:
    made = request(library, content=make())
    body = Body.of(made, library, 3)
    assert body is not None
    assert isinstance(made.stream, (library.hx.SyncByteStream, library.hx.AsyncByteStream))
    assert send(made.stream) == b"012"
    assert body.replayable
    assert send(body.again()) == b"012"
    assert send(body.again()) == b"012"


def test_an_attempt_that_stopped_half_way_is_followed_by_one_that_pulls_on(library: Library) -> None:
    made = request(library, content=chunks())
    body = Body.of(made, library, 3)
    assert body is not None
    assert next(iter(made.stream)) == b"0"
    assert body.replayable
    assert send(body.again()) == b"012"


def test_an_attempt_that_stopped_half_way_is_followed_by_one_that_pulls_on_asynchronously(library: Library) -> None:
    async def run() -> None:
        made = request(library, content=async_chunks())
        body = Body.of(made, library, 3)
        assert body is not None
        assert await anext(aiter(made.stream)) == b"0"
        assert body.replayable
        assert await _send(body.again()) == b"012"

    anyio.run(run)


@pytest.mark.parametrize("make", [chunks, async_chunks])
def test_above_the_limit_it_is_sent_once_and_never_again(library: Library, make: Any) -> None:
    made = request(library, content=make())
    body = Body.of(made, library, 2)
    assert body is not None
    assert body.replayable
    assert send(made.stream) == b"012"
    assert not body.replayable
    assert made.stream.kept == []
    with pytest.raises(library.hx.StreamConsumed):
        send(body.again())


@pytest.mark.parametrize("make", [chunks, async_chunks])
def test_nothing_pulled_yet_means_it_can_be_sent_whatever_the_limit(library: Library, make: Any) -> None:
    body = Body.of(request(library, content=make()), library, 0)
    assert body is not None
    assert body.replayable
    assert send(body.again()) == b"012"


def test_a_generator_that_fails_is_not_sent_again(library: Library) -> None:
    def failing() -> Iterator[bytes]:
        yield b"0"
        raise ZeroDivisionError

    made = request(library, content=failing())
    body = Body.of(made, library, 100)
    assert body is not None
    with pytest.raises(ZeroDivisionError):
        send(made.stream)
    assert not body.replayable


def test_a_pull_that_was_cancelled_leaves_a_hole_and_is_not_sent_again(library: Library) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"0"
        await anyio.sleep_forever()

    made = request(library, content=slow())
    body = Body.of(made, library, 100)
    assert body is not None

    async def cancelled() -> None:
        with anyio.move_on_after(0):
            await _send(made.stream)

    anyio.run(cancelled)
    assert not body.replayable


def test_a_file_is_sent_again_from_where_it_stood(library: Library) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b"skip012")
        file.seek(4)
        made = request(library, content=file)
        body = Body.of(made, library, 0)
        assert body is not None
        assert send(made.stream) == b"012"
        assert body.replayable
        assert send(body.again()) == b"012"
    assert not body.replayable


def test_a_pipe_is_kept_like_a_generator(library: Library) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"012")
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        body = Body.of(request(library, content=pipe), library, 3)
        assert body is not None
        assert send(body.again()) == send(body.again()) == b"012"


@pytest.mark.parametrize("content", [b"text", io.BytesIO(b"text")], ids=["bytes", "file"])
def test_multipart_is_sent_again_as_it_is(library: Library, content: Any) -> None:
    made = request(library, files={"file": ("name", content)}, data={"a": "1"})
    assert Body.of(made, library, 0) is None
    assert send(made.stream) == send(made.stream)


def test_multipart_with_a_pipe_is_kept(library: Library) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"012")
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        body = Body.of(request(library, files={"file": ("name", pipe)}), library, 1000)
        assert body is not None
        assert send(body.again()) == send(body.again())


def test_a_redirect_takes_the_recorder_over(library: Library) -> None:
    made = request(library, content=chunks())
    Body.of(made, library, 3)
    assert send(made.stream) == b"012"
    following = request(library, stream=made.stream)
    body = Body.of(following, library, 3)
    assert body is not None
    assert following.stream is made.stream
    assert send(body.again()) == b"012"


@pytest.mark.parametrize(
    ("content", "kind"),
    [(chunks, "IteratorByteStream"), (async_chunks, "AsyncIteratorByteStream"), (Reiterable, "IteratorByteStream")],
)
def test_canary_the_private_names_of_httpx_that_are_relied_upon(library: Library, content: Any, kind: str) -> None:
    given = content()
    stream = request(library, content=given).stream
    assert (type(stream).__name__, stream._stream) == (kind, given)
    multipart = request(library, files={"f": ("n", b"x")}).stream
    assert type(multipart).__name__ == "MultipartStream"
    assert [field.file for field in multipart.fields if hasattr(field, "file")] == [b"x"]


def test_the_recorder_is_asynchronous_only_where_the_stream_is(library: Library) -> None:
    sync, asynchronous = request(library, content=chunks()), request(library, content=async_chunks())
    Body.of(sync, library, 1)
    Body.of(asynchronous, library, 1)
    assert isinstance(sync.stream, library.hx.SyncByteStream)
    assert isinstance(asynchronous.stream, library.hx.AsyncByteStream)
    assert not isinstance(sync.stream, library.hx.AsyncByteStream)


def test_httpx_itself_reads_a_recorder(library: Library) -> None:
    """Request.read() is what auth flows call that need the body."""
    made = request(library, content=chunks())
    Body.of(made, library, 10)
    assert made.read() == b"012"
    assert isinstance(made.stream, library.hx.ByteStream)
