"""Request bodies that can be sent once more.

| body                              | how it is sent again                                      |
|-----------------------------------|-----------------------------------------------------------|
| none, bytes, text, form, JSON     | the same stream                                           |
| a list, an object with `__iter__` | the same stream                                           |
| multipart                         | the same stream, if its files can seek (httpx goes to 0)  |
| an open file                      | going back to where it stood                              |
| a generator, an iterator, a pipe  | what was kept of what was pulled, then pulling on         |

Without this httpx raises StreamConsumed for a generator, and sends an exhausted file or iterator as an empty body.
Private names of httpx relied upon: the class names below, and `_stream` and `fields` of their objects.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Self, cast

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from meshlib.library import Library

_OF_ITERABLES = ("IteratorByteStream", "AsyncIteratorByteStream")
_ONE_SHOT = ("__next__", "__anext__", "read", "aread")  # an iterator has the first or second, a file the others


class Body:
    """A body for which the stream alone is not enough to send it again. `file` stood at `position` at first."""

    __slots__ = ("_file", "_position", "_stream")

    def __init__(self, stream: Any, file: Any = None, position: int = 0) -> None:
        self._stream = stream
        self._file = file
        self._position = position

    @classmethod
    def of(cls, request: Any, library: Library, limit: int) -> Body | None:
        """The body of `request`, or None where its stream can simply be sent again.

        A body that can be read only once gets a recorder as `request.stream`, which keeps up to `limit` bytes.
        """
        stream = request.stream
        if isinstance(stream, library.hx.ByteStream) or _is_reiterable(stream):
            return None
        file = getattr(stream, "_stream", None) if type(stream).__name__ in _OF_ITERABLES else None
        position = _position(file)
        if position is not None:
            return cls(stream, file, position)
        if not isinstance(stream, Recorder):  # else it comes from an earlier hop of a redirect
            request.stream = stream = recorder(stream, library.hx, limit)
        return cls(stream)

    @property
    def replayable(self) -> bool:
        """Whether another attempt can send all of it."""
        if self._file is not None:
            return not getattr(self._file, "closed", False)
        replayable: bool = self._stream.replayable
        return replayable

    def again(self) -> Any:
        """A stream for the next attempt."""
        if self._file is not None:
            self._file.seek(self._position)
        return self._stream


class Recorder:
    """A request's stream which keeps what was pulled from `source`, up to `limit` bytes, and can be read again.

    Every reader starts at the beginning and, past what was kept, pulls on. Above the limit nothing is kept, and a
    second reader gets httpx's StreamConsumed.
    """

    consumed: type[Exception]

    def __init__(self, source: Any, limit: int) -> None:
        self.source = source
        self.kept: list[bytes] = []
        self.replayable = True
        self._room = limit

    def keep(self, chunk: bytes) -> None:
        """A chunk was pulled. Until then `replayable` is False: a pull that was broken off leaves a hole."""
        self._room -= len(chunk)
        if self._room >= 0:
            self.kept.append(chunk)
            self.replayable = True
        else:
            self.kept.clear()

    def check(self) -> None:
        if not self.replayable:
            raise self.consumed


class SyncRecorder(Recorder):
    _pulls: Iterator[bytes] | None = None

    def __iter__(self) -> Iterator[bytes]:
        self.check()
        if self._pulls is None:
            self._pulls = iter(self.source)
        return SyncReader(self, self._pulls)


class AsyncRecorder(Recorder):
    _pulls: AsyncIterator[bytes] | None = None

    def __aiter__(self) -> AsyncIterator[bytes]:
        self.check()
        if self._pulls is None:
            self._pulls = aiter(self.source)
        return AsyncReader(self, self._pulls)


class SyncReader:
    """One pass over a recorder. An object and no generator: one left half read has nothing to clean up."""

    def __init__(self, recorder: Recorder, pulls: Iterator[bytes]) -> None:
        self._recorder, self._pulls, self._at = recorder, pulls, 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        recorder, at = self._recorder, self._at
        self._at += 1
        if at < len(recorder.kept):
            return recorder.kept[at]
        whole, recorder.replayable = recorder.replayable, False
        try:
            chunk = next(self._pulls)
        except StopIteration:
            recorder.replayable = whole
            raise
        if whole:
            recorder.keep(chunk)
        return chunk


class AsyncReader:
    """The same for an asynchronous body."""

    def __init__(self, recorder: Recorder, pulls: AsyncIterator[bytes]) -> None:
        self._recorder, self._pulls, self._at = recorder, pulls, 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        recorder, at = self._recorder, self._at
        self._at += 1
        if at < len(recorder.kept):
            return recorder.kept[at]
        whole, recorder.replayable = recorder.replayable, False
        try:
            chunk = await anext(self._pulls)
        except StopAsyncIteration:
            recorder.replayable = whole
            raise
        if whole:
            recorder.keep(chunk)
        return chunk


def recorder(stream: Any, hx: Any, limit: int) -> Recorder:
    """A recorder of `stream` which `hx` takes for one of its own streams."""
    kind = _recorders(hx)[hasattr(stream, "__aiter__") and not hasattr(stream, "__iter__")]
    return kind(stream, limit)


@cache
def _recorders(hx: Any) -> tuple[type[Recorder], type[Recorder]]:
    names = {"consumed": hx.StreamConsumed, "__module__": __name__}
    kinds = (
        type("SyncRecorder", (SyncRecorder, hx.SyncByteStream), names),
        type("AsyncRecorder", (AsyncRecorder, hx.AsyncByteStream), names),
    )
    return cast("tuple[type[Recorder], type[Recorder]]", kinds)


def _is_reiterable(stream: Any) -> bool:
    kind = type(stream).__name__
    if kind in _OF_ITERABLES:
        return not any(hasattr(stream._stream, name) for name in _ONE_SHOT)
    if kind == "MultipartStream":
        files = [field.file for field in stream.fields if hasattr(field, "file")]
        return all(isinstance(file, str | bytes) or _position(file) is not None for file in files)
    return False


def _position(file: Any) -> int | None:
    """Where a file stands, if one can go back there."""
    if not hasattr(file, "read") or not hasattr(file, "seek"):
        return None
    try:
        return cast("int", file.tell()) if file.seekable() else None
    except (AttributeError, OSError, ValueError):  # no method of that name; a pipe; a closed file
        return None
