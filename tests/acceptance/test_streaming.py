"""Streams in both directions keep httpx's semantics on the wire, and every way to end one gives everything back."""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import anyio
import pytest

import meshlib
from meshlib.testing import FaultServer, Mode
from tests.ways import Face, Way, busy, each_async_way, each_sync_way, each_way

URL = "http://payment-service/"
SOON = 2.0
"""Seconds: for what happens at once, on a machine that may be busy."""
CHUNKS = [b"first", b"", b"x" * 100_000, b"last"]
BOUNDARY = {"Content-Type": "multipart/form-data; boundary=here"}


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


def mesh_of(server: FaultServer) -> meshlib.Mesh:
    return meshlib.Mesh({"payment-service": {"discovery": f"static://{server.address}"}})


def generator() -> Iterator[bytes]:
    yield from CHUNKS


async def async_generator() -> AsyncIterator[bytes]:
    for chunk in CHUNKS:
        yield chunk


def pipe() -> io.BufferedReader:
    reading, writing = os.pipe()
    os.write(writing, b"through a pipe")
    os.close(writing)
    return os.fdopen(reading, "rb")


Body = Callable[[Way, Path], dict[str, Any]]
BODIES: dict[str, Body] = {
    "bytes": lambda way, path: {"content": b"x" * 100_000},
    "one-shot generator": lambda way, path: {"content": generator() if way.sync else async_generator()},
    "list": lambda way, path: {"content": CHUNKS if way.sync else async_generator()},
    "json": lambda way, path: {"json": {"amount": 42}},
    "form": lambda way, path: {"data": {"amount": "42"}},
    "multipart": lambda way, path: {
        "files": {"receipt": ("r.bin", io.BytesIO(b"y" * 100_000))},
        "data": {"amount": "42"},
        "headers": BOUNDARY,
    },
    "multipart of a file": lambda way, path: {"files": {"receipt": path.open("rb")}, "headers": BOUNDARY},
}
SYNC_BODIES: dict[str, Body] = {
    "file": lambda way, path: {"content": path.open("rb")},
    "file, read in part": lambda way, path: {"content": moved(path.open("rb"))},
    "pipe": lambda way, path: {"content": pipe()},
}


def moved(file: Any) -> Any:
    file.seek(10)
    return file


async def sent(face: Face, server: FaultServer, url: str, content: dict[str, Any]) -> tuple[Any, ...]:
    """What arrives of a body; or how sending it fails, which httpx does for a file that is not read from its start."""
    with ExitStack() as files:
        for value in (content.get("content"), *content.get("files", {}).values()):
            if isinstance(value, io.BufferedReader):
                files.enter_context(value)
        try:
            await face.post(url, **content)
        except Exception as exc:  # one of h11's, which httpx lets through
            return (type(exc).__name__,)
    request = server.received[-1]
    kept = ("content-type", "content-length", "transfer-encoding")
    return request.body, {name: request.headers.get(name) for name in kept}


def same_as_stock(way: Way, server: FaultServer, path: Path, body: Body) -> None:
    ours = way.run(lambda face: sent(face, server, URL, body(way, path)), mesh=mesh_of(server))
    stock = way.use(way.stock, lambda face: sent(face, server, server.url, body(way, path)))
    assert ours == stock


@each_way
@pytest.mark.parametrize("kind", BODIES)
def test_what_arrives_of_a_body_is_what_httpx_sends(way: Way, server: FaultServer, tmp_path: Path, kind: str) -> None:
    (tmp_path / "file").write_bytes(bytes(range(256)) * 1000)
    same_as_stock(way, server, tmp_path / "file", BODIES[kind])


@each_sync_way
@pytest.mark.parametrize("kind", SYNC_BODIES)
def test_what_arrives_of_a_file_is_what_httpx_sends(way: Way, server: FaultServer, tmp_path: Path, kind: str) -> None:
    (tmp_path / "file").write_bytes(bytes(range(256)) * 1000)
    same_as_stock(way, server, tmp_path / "file", SYNC_BODIES[kind])


class BrokenError(Exception):
    """Of the application."""


def broken() -> Iterator[bytes]:
    yield b"x" * 1000
    raise BrokenError


async def async_broken() -> AsyncIterator[bytes]:
    yield b"x" * 1000
    raise BrokenError


@each_way
def test_a_body_that_raises_ends_the_call_with_its_error_and_the_connection(way: Way, server: FaultServer) -> None:
    """The server waits for the rest of a request: that connection can carry no other."""
    mesh = mesh_of(server)

    async def scenario(client: Face) -> None:
        assert (await client.get(URL)).status_code == 200
        with pytest.raises(BrokenError):
            await client.post(URL, content=broken() if way.sync else async_broken())
        assert busy(mesh) == 0
        assert await client.eventually(lambda: server.open_connections == 0)
        assert (await client.get(URL)).status_code == 200
        assert (server.requests, server.connections) == (2, 2)

    way.run(scenario, mesh=mesh)


@each_way
def test_in_flight_until_the_end_of_the_body(way: Way, server: FaultServer) -> None:
    server.mode = Mode(body=b"x" * 3_000_000)
    mesh = mesh_of(server)

    async def scenario(client: Face) -> None:
        for _ in range(2):
            async with client.stream("GET", URL) as response:
                assert busy(mesh) == 1
                assert len(await client.read(response)) == 3_000_000
                assert busy(mesh) == 0
        assert server.connections == 1

    way.run(scenario, mesh=mesh)


@each_way
@pytest.mark.parametrize("status", [200, 204, 304])
def test_an_answer_without_a_body_is_over_with_its_head(way: Way, server: FaultServer, status: int) -> None:
    """The endpoint is done with it. The connection stays with the caller until the stream is left, as in httpx."""
    server.mode = Mode(status=status, body=b"never sent" if status == 200 else b"")
    method = "HEAD" if status == 200 else "GET"
    mesh = mesh_of(server)

    async def scenario(client: Face) -> None:
        for _ in range(2):
            async with client.stream(method, URL) as response:
                assert busy(mesh) == 0
            with pytest.raises(way.hx.StreamClosed):
                await client.read(response)
        async with client.stream(method, URL) as response:
            assert await client.read(response) == b""
        assert server.connections == server.open_connections == 1

    way.run(scenario, mesh=mesh)


@each_way
def test_closed_in_the_middle_it_takes_its_connection_along(way: Way, server: FaultServer) -> None:
    server.mode = Mode(body=b"x" * 3_000_000)
    mesh = mesh_of(server)

    async def scenario(client: Face) -> None:
        response = await client.send(client.client.build_request("GET", URL), stream=True)
        assert busy(mesh) == 1
        await client.close(response)
        assert response.is_closed
        assert busy(mesh) == 0
        assert await client.eventually(lambda: server.open_connections == 0)
        await client.close(response)  # once more: nothing happens
        with pytest.raises(way.hx.StreamClosed):
            await client.read(response)
        assert len((await client.get(URL)).content) == 3_000_000
        assert server.connections == 2

    way.run(scenario, mesh=mesh)


@each_way
def test_read_to_its_end_it_can_be_closed_and_read_again_but_not_streamed(way: Way, server: FaultServer) -> None:
    server.mode = Mode(body=b"x" * 3_000_000)

    async def scenario(client: Face) -> None:
        response = await client.send(client.client.build_request("GET", URL), stream=True)
        content = await client.read(response)
        await client.close(response)
        assert await client.read(response) is content
        with pytest.raises(way.hx.StreamConsumed):
            await client.pull(response, [])
        assert server.connections == server.open_connections == 1

    way.run(scenario, mesh=mesh_of(server))


@each_way
def test_streamed_to_its_end_it_cannot_be_read(way: Way, server: FaultServer) -> None:
    async def scenario(client: Face) -> None:
        got: list[bytes] = []
        async with client.stream("GET", URL) as response:
            await client.pull(response, got)
            with pytest.raises(way.hx.StreamConsumed):
                await client.read(response)
        assert b"".join(got).startswith(b'{"served_by"')

    way.run(scenario, mesh=mesh_of(server))


@each_async_way
def test_another_task_may_close_what_one_reads(way: Way, server: FaultServer) -> None:
    server.mode = Mode.drip_body(0.01).replace(body=b"x" * 100_000)
    mesh = mesh_of(server)

    async def scenario(client: Face) -> None:
        response = await client.send(client.client.build_request("GET", URL), stream=True)
        got: list[bytes] = []
        ended = anyio.Event()

        async def read() -> None:
            try:
                await client.pull(response, got)
            except (way.hx.TransportError, way.hx.StreamError):
                pass
            finally:
                ended.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            while not got:
                await anyio.sleep(0.005)
            await client.close(response)
            with anyio.fail_after(SOON):
                await ended.wait()
        assert busy(mesh) == 0
        assert await client.eventually(lambda: server.open_connections == 0)
        server.mode = Mode()
        assert (await client.get(URL)).status_code == 200

    way.run(scenario, mesh=mesh)


@each_sync_way
def test_another_thread_may_close_what_one_has_begun_to_read(way: Way, server: FaultServer) -> None:
    server.mode = Mode(body=b"x" * 3_000_000)
    mesh = mesh_of(server)

    async def scenario(client: Face) -> None:
        response = await client.send(client.client.build_request("GET", URL), stream=True)
        parts = response.iter_raw()
        assert next(parts)
        closing = threading.Thread(target=response.close)
        closing.start()
        closing.join(SOON)
        assert busy(mesh) == 0
        began = time.monotonic()
        with suppress(way.hx.TransportError, way.hx.StreamError):
            list(parts)
        assert time.monotonic() - began < SOON
        server.mode = Mode()
        assert (await client.get(URL)).status_code == 200

    way.run(scenario, mesh=mesh)
