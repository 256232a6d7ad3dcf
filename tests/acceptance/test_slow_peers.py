"""10 MiB each way while one side is slow: the other waits, and what is between them stays small."""

from __future__ import annotations

import hashlib
import time
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import pytest

import meshlib
from tests.acceptance.peer import PIECE, SIZE, Peer
from tests.acceptance.serving import serving
from tests.ways import Face, Way, busy, each_way

PAUSE = 0.001
IN_MEMORY = 2 * 2**20
"""Bytes of this process's memory, the server's part included."""
UNDER_WAY = 7 * 2**20
"""Bytes, the kernel's buffers included, which grow to 6 MiB on Linux."""

pytestmark = pytest.mark.realtime


@pytest.fixture
def server() -> Iterator[Peer]:
    with serving(Peer()) as running:
        yield running


def mesh_of(server: Peer) -> meshlib.Mesh:
    return meshlib.Mesh({"payment-service": {"discovery": f"static://{server.address}"}})


@contextmanager
def memory() -> Iterator[list[int]]:
    """The most that was allocated inside."""
    peak: list[int] = []
    tracemalloc.start()
    try:
        yield peak
        peak.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()


class Upload:
    """A body of SIZE bytes, sync and async, that notes how far the server is behind it."""

    def __init__(self, server: Peer) -> None:
        self._server = server
        self.behind = 0
        self.pieces = 0

    def piece(self) -> bytes:
        self.behind = max(self.behind, self.pieces * PIECE - self._server.received)
        self.pieces += 1
        return bytes(PIECE)

    def sync(self) -> Iterator[bytes]:
        while self.pieces < SIZE // PIECE:
            yield self.piece()

    async def asynchronous(self) -> AsyncIterator[bytes]:
        while self.pieces < SIZE // PIECE:
            yield self.piece()


@each_way
def test_an_upload_waits_for_a_server_that_reads_slowly(way: Way, server: Peer) -> None:
    server.pause = PAUSE
    body = Upload(server)

    async def scenario(client: Face) -> Any:
        await client.post("http://payment-service/", content=b"what is made at the first request")
        server.received = 0
        with memory() as peak:
            response = await client.post(
                "http://payment-service/", content=body.sync() if way.sync else body.asynchronous()
            )
        assert peak[0] < IN_MEMORY
        return response

    response = way.run(scenario, mesh=mesh_of(server), timeout=30)
    assert response.text == hashlib.sha256(bytes(SIZE)).hexdigest()
    assert body.pieces == SIZE // PIECE
    assert body.behind < UNDER_WAY


@each_way
def test_a_download_waits_for_a_reader_that_is_slow(way: Way, server: Peer) -> None:
    mesh = mesh_of(server)
    ahead = 0

    async def scenario(client: Face) -> int:
        got = 0
        await client.post("http://payment-service/", content=b"what is made at the first request")
        with memory() as peak:
            async with client.stream("GET", "http://payment-service/") as response:
                async for part in parts(way, response):
                    got += len(part)
                    note(got)
        assert peak[0] < IN_MEMORY
        assert busy(mesh) == 0
        return got

    def note(got: int) -> None:
        nonlocal ahead
        ahead = max(ahead, server.sent - got)

    assert way.run(scenario, mesh=mesh, timeout=30) == SIZE
    assert ahead < UNDER_WAY


async def parts(way: Way, response: Any) -> AsyncIterator[bytes]:
    if way.sync:
        for part in response.iter_raw(PIECE):
            time.sleep(PAUSE)
            yield part
    else:
        async for part in response.aiter_raw(PIECE):
            await anyio.sleep(PAUSE)
            yield part
