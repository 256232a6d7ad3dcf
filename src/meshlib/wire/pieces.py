"""Decoders that give out what they decode in small pieces, one for each coding that httpx undoes.

httpx's own make all that a chunk decodes to at once, 67 MB of one chunk of 64 KiB.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol, cast

Emit = Callable[[bytes], None]

PIECE = 65536
"""Bytes of decoded body that exist at a time. Brotli may make nearly twice as many, zstandard 131072."""


class UnmeasurableError(Exception):
    """A coding that cannot be undone piece by piece."""


class CannotDecodeError(Exception):
    """The bytes are not what the coding says."""


class Decoder(Protocol):
    """One coding of one body."""

    def decode(self, data: bytes, emit: Emit) -> None:
        """Hand what `data` decodes to over to `emit` in pieces. Raises CannotDecodeError, and what `emit` raises."""


class Zlib:
    """gzip and deflate; what follows the end of the stream is ignored, as in httpx."""

    def __init__(self, wbits: int, instead: int | None = None) -> None:
        self._decompressor = zlib.decompressobj(wbits)
        self._instead = instead

    def decode(self, data: bytes, emit: Emit) -> None:
        instead, self._instead = self._instead, None
        try:
            piece = self._step(data)
        except CannotDecodeError:
            if instead is None:
                raise
            self._decompressor = zlib.decompressobj(instead)
            piece = self._step(data)
        while piece:
            emit(piece)
            piece = self._step(self._decompressor.unconsumed_tail)

    def _step(self, data: bytes) -> bytes:
        if self._decompressor.eof:  # it would keep the bytes
            return b""
        try:
            return self._decompressor.decompress(data, PIECE)
        except zlib.error as exc:
            raise CannotDecodeError from exc


class Brotli:
    """br."""

    def __init__(self) -> None:
        try:
            brotli = import_module("brotli")
        except ImportError:
            brotli = import_module("brotlicffi")
        decompressor = brotli.Decompressor()
        self._error = brotli.error
        self._process = getattr(decompressor, "decompress", None) or decompressor.process
        try:
            self._process(b"", output_buffer_limit=PIECE)
        except TypeError:
            raise UnmeasurableError("brotli before 1.2 decodes a chunk only as a whole") from None

    def decode(self, data: bytes, emit: Emit) -> None:
        piece = self._step(data)
        while piece:
            emit(piece)
            piece = self._step(b"")

    def _step(self, data: bytes) -> bytes:
        try:
            piece: bytes = self._process(data, output_buffer_limit=PIECE)
        except self._error as exc:
            raise CannotDecodeError from exc
        return piece


class Zstandard:
    """zstd by the package zstandard, which httpx uses."""

    def __init__(self) -> None:
        import zstandard

        self._error = zstandard.ZstdError
        self._sink = _Sink()
        self._writer = zstandard.ZstdDecompressor().stream_writer(cast("Any", self._sink), closefd=False)

    def decode(self, data: bytes, emit: Emit) -> None:
        self._sink.emit = emit
        try:
            self._writer.write(data)
        except self._error as exc:
            raise CannotDecodeError from exc
        finally:
            self._sink.emit = None  # the package's objects are not seen by the collector: no cycle through them


class _Sink:
    """The file that zstandard writes into."""

    emit: Emit | None = None

    def write(self, piece: bytes) -> int:
        assert self.emit is not None
        self.emit(piece)
        return len(piece)


class Zstd:
    """zstd by Python's own module or its backport, which httpx2 uses."""

    def __init__(self) -> None:
        try:
            zstd = import_module("compression.zstd")
        except ImportError:
            zstd = import_module("backports.zstd")
        self._new = zstd.ZstdDecompressor
        self._error = zstd.ZstdError
        self._frame = self._new()

    def decode(self, data: bytes, emit: Emit) -> None:
        if self._frame.eof:
            data = self._frame.unused_data + data
            self._frame = self._new()
        while data:
            piece = self._step(data)
            while piece:
                emit(piece)
                piece = b"" if self._frame.eof or self._frame.needs_input else self._step(b"")
            data = b""
            if self._frame.eof and self._frame.unused_data:
                data, self._frame = self._frame.unused_data, self._new()

    def _step(self, data: bytes) -> bytes:
        try:
            piece: bytes = self._frame.decompress(data, PIECE)
        except self._error as exc:
            raise CannotDecodeError from exc
        return piece


_DECODERS: dict[str, Callable[[], Decoder]] = {
    "gzip": lambda: Zlib(zlib.MAX_WBITS | 16),
    "deflate": lambda: Zlib(zlib.MAX_WBITS, -zlib.MAX_WBITS),
    "br": Brotli,
}


def decoder(coding: str, hx: Any) -> Decoder:
    """A new decoder for a coding that `hx` undoes. Raises UnmeasurableError for one that cannot be undone in pieces."""
    if coding == "zstd":
        return Zstandard() if hx.__name__ == "httpx" else Zstd()
    if coding not in _DECODERS:
        raise UnmeasurableError(f"the content coding {coding} is not known to meshlib")
    return _DECODERS[coding]()
