"""A body's decoded length is known without decoding more than a piece of it, however it arrives."""

from __future__ import annotations

import gzip
import random
import zlib
from collections.abc import Callable
from typing import Any

import brotli
import httpx
import httpx2
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from meshlib.wire.codings import LONGER, SPARE, Meter, OverLimitError, codings_of
from meshlib.wire.pieces import CannotDecodeError, UnmeasurableError, decoder

MODULES = [httpx, httpx2]
each_module = pytest.mark.parametrize("hx", MODULES, ids=lambda hx: hx.__name__)


def raw_deflate(data: bytes) -> bytes:
    """What some servers send as `deflate`: without zlib's head."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


ENCODERS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("gzip", gzip.compress),
    ("deflate", zlib.compress),
    ("deflate", raw_deflate),
    ("br", brotli.compress),
    ("zstd", zstandard.ZstdCompressor().compress),
]
each_coding = pytest.mark.parametrize(("coding", "encode"), ENCODERS)


def pieces(coding: str, data: bytes, hx: Any, step: int = 65536) -> list[bytes]:
    found: list[bytes] = []
    undo = decoder(coding, hx)
    for at in range(0, len(data), step):
        undo.decode(data[at : at + step], found.append)
    return found


@each_module
@pytest.mark.parametrize(("coding", "encode"), [e for e in ENCODERS if e[1] is not raw_deflate])
@given(data=st.binary(max_size=2000), times=st.integers(1, 200), step=st.integers(1, 500))
def test_every_coding_is_undone_however_its_bytes_arrive(
    hx: Any, coding: str, encode: Callable[[bytes], bytes], data: bytes, times: int, step: int
) -> None:
    assert b"".join(pieces(coding, encode(data * times), hx, step)) == data * times


@each_module
@each_coding
def test_what_exists_at_a_time_is_a_piece(hx: Any, coding: str, encode: Callable[[bytes], bytes]) -> None:
    found = pieces(coding, encode(bytes(30_000_000)), hx)
    assert sum(map(len, found)) == 30_000_000
    assert max(map(len, found)) <= 131072


@each_module
def test_deflate_without_its_head_is_known_by_the_first_bytes_as_in_httpx(hx: Any) -> None:
    assert b"".join(pieces("deflate", raw_deflate(b"one" * 100), hx, 4)) == b"one" * 100


@each_module
def test_zstd_may_have_several_frames(hx: Any) -> None:
    pack = zstandard.ZstdCompressor().compress
    assert b"".join(pieces("zstd", pack(b"one") + pack(b"two"), hx)) == b"onetwo"
    assert b"".join(pieces("zstd", pack(b"one") + pack(b"two"), hx, 1)) == b"onetwo"


@each_module
def test_what_follows_a_gzip_stream_is_ignored_as_in_httpx(hx: Any) -> None:
    assert b"".join(pieces("gzip", gzip.compress(b"one") + b"rest" * 1000, hx, 50)) == b"one"


@each_module
@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_bytes_that_are_none_of_it_are_told_apart(hx: Any, coding: str) -> None:
    with pytest.raises(CannotDecodeError):
        pieces(coding, random.Random(7).randbytes(5000), hx)


def test_a_body_that_cannot_be_decoded_is_still_counted_as_it_comes() -> None:
    meter = Meter(["gzip"], 1000, httpx)
    meter.add(b"no gzip")
    with pytest.raises(OverLimitError):
        meter.add(bytes(LONGER * 1000 + SPARE))


def test_a_stage_between_is_counted_too() -> None:
    """Megabytes of empty blocks decode to nothing, but httpx would hold them."""
    packer = zlib.compressobj(wbits=31)
    empty = b"".join(packer.flush(zlib.Z_FULL_FLUSH) or packer.compress(b"") for _ in range(10)) + bytes(0)
    stored = empty + b"\x00\x00\x00\xff\xff" * 100_000  # stored blocks of no bytes
    meter = Meter(["gzip", "gzip"], 1000, httpx)
    with pytest.raises(OverLimitError):
        meter.add(gzip.compress(stored))


def test_a_brotli_that_decodes_only_as_a_whole_cannot_be_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    class Old:
        def process(self, data: bytes) -> bytes:
            return data

    monkeypatch.setattr(brotli, "Decompressor", Old)
    with pytest.raises(UnmeasurableError, match=r"brotli before 1\.2"):
        Meter(["br"], 1000, httpx)


def test_an_unknown_coding_cannot_be_measured() -> None:
    with pytest.raises(UnmeasurableError, match="snappy"):
        Meter(["snappy"], 1000, httpx)


@each_module
def test_only_what_httpx_undoes_is_undone(hx: Any) -> None:
    headers = hx.Headers([("Content-Encoding", "GZIP, identity"), ("Content-Encoding", "aws-chunked , br")])
    assert codings_of(headers, hx) == ["gzip", "br"]
    assert codings_of(hx.Headers(), hx) == []
