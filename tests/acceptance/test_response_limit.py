"""`max_response_bytes`: no service makes this process hold more of a response than it may."""

from __future__ import annotations

import gzip
import random
import tracemalloc
import zlib
from collections.abc import Callable, Iterator

import brotli
import httpx
import pytest
import zstandard

import meshlib
from meshlib.events import BodyBroken
from meshlib.testing import FaultServer, Mode
from tests.ways import WAYS, Face, Way, busy, each_way

URL = "http://payment-service/"
MB = 1_000_000
BOMB = gzip.compress(gzip.compress(b"\0" * (300 * MB)))
"""About 600 bytes that decode to 300 MB."""

CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


def mesh_of(server: FaultServer, limit: object) -> meshlib.Mesh:
    wire = {"max_response_bytes": limit}
    return meshlib.Mesh({"payment-service": {"discovery": f"static://{server.address}", "wire": wire}})


def encoded(body: bytes, *codings: str) -> Mode:
    for coding in codings:
        body = CODINGS[coding](body)
    return Mode(body=body, headers=(("Content-Encoding", ", ".join(codings)),))


def unannounced(mode: Mode) -> Mode:
    """The same in one chunk, without Content-Length."""
    assert mode.body is not None
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(mode.body), mode.body)
    return mode.replace(body=chunked, headers=(*mode.headers, ("Transfer-Encoding", "chunked")))


def check(way: Way, mesh: meshlib.Mesh, error: meshlib.MeshError, limit: int) -> None:
    assert isinstance(error, way.hx.DecodingError)
    assert not isinstance(error, way.hx.TransportError)
    assert f"payment-service: the response is above max_response_bytes = {limit}" in str(error)
    assert (error.layer, error.service, error.flag) == ("wire", "payment-service", "LR")
    assert error.request.url == URL
    assert busy(mesh) == 0


@each_way
def test_640_bytes_that_would_be_300_megabytes_are_never_built(way: Way, server: FaultServer) -> None:
    assert len(BOMB) < 1000
    server.mode = Mode(body=BOMB, headers=(("Content-Encoding", "gzip, gzip"),))
    mesh = mesh_of(server, "1MB")

    async def scenario(client: Face) -> None:
        tracemalloc.start()
        try:
            with pytest.raises(meshlib.ResponseTooLarge) as raised:
                await client.get(URL)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 2 * MB
        check(way, mesh, raised.value, MB)

    way.run(scenario, mesh=mesh)


def test_bare_httpx_builds_all_of_it(server: FaultServer) -> None:
    server.mode = encoded(b"\0" * (50 * MB), "gzip", "gzip")
    assert len(httpx.get(server.url, trust_env=False).content) == 50 * MB


@each_way
@pytest.mark.parametrize(
    "codings", [(), ("gzip",), ("deflate",), ("br",), ("zstd",), ("gzip", "br"), ("deflate", "gzip")]
)
def test_the_decoded_length_counts_to_the_byte(way: Way, server: FaultServer, codings: tuple[str, ...]) -> None:
    body = bytes(range(256)) * 400
    server.mode = unannounced(encoded(body, *codings))

    async def fits(client: Face) -> None:
        assert (await client.get(URL)).content == body

    async def does_not(client: Face) -> None:
        with pytest.raises(meshlib.ResponseTooLarge) as raised:
            await client.get(URL)
        check(way, short, raised.value, len(body) - 1)
        assert server.requests == 2  # and none of them was made again

    short = mesh_of(server, len(body) - 1)
    way.run(fits, mesh=mesh_of(server, len(body)))
    way.run(does_not, mesh=short)


async def drain(face: Face, response: object, method: str) -> int:
    """Read a body by one of httpx's iterators; returns how much came."""
    got = 0
    if face.way.sync:
        for part in getattr(response, method)():
            got += len(part)
    else:
        async for part in getattr(response, f"a{method}")():
            got += len(part)
    return got


@each_way
@pytest.mark.parametrize("reader", ["iter_bytes", "iter_text", "iter_lines", "iter_raw"])
@pytest.mark.parametrize("codings", [(), ("gzip",)])
def test_a_streamed_body_ends_at_the_limit(
    way: Way, server: FaultServer, reader: str, codings: tuple[str, ...]
) -> None:
    """Read raw, an encoded body may be twice as long as decoded; the bytes here do not compress."""
    body = random.Random(1).randbytes(4 * MB)
    server.mode = unannounced(encoded(body, *codings))
    mesh = mesh_of(server, "1MB")

    async def scenario(client: Face) -> None:
        async with client.stream("GET", URL) as response:
            with pytest.raises(meshlib.ResponseTooLarge) as raised:
                await drain(client, response, reader)
            check(way, mesh, raised.value, MB)
        journal = meshlib.journal(response)
        assert journal is not None
        assert [e.error for e in journal.events if isinstance(e, BodyBroken)] == ["ResponseTooLarge"]
        assert await client.eventually(lambda: server.open_connections == 0)  # what was not read is not read now
        server.mode = Mode()
        assert (await client.get(URL)).status_code == 200

    way.run(scenario, mesh=mesh)


@each_way
@pytest.mark.parametrize("streamed", [False, True])
def test_an_announced_length_above_the_limit_is_refused_before_the_body(
    way: Way, server: FaultServer, streamed: bool
) -> None:
    server.mode = Mode.drip_body(10).replace(body=b"x" * 1001)
    mesh = mesh_of(server, 1000)

    async def scenario(client: Face) -> None:
        with pytest.raises(meshlib.ResponseTooLarge, match="its Content-Length is 1001") as raised:
            await client.send(client.client.build_request("GET", URL), stream=streamed)
        check(way, mesh, raised.value, 1000)

    way.run(scenario, mesh=mesh)


@each_way
@pytest.mark.parametrize(("method", "mode"), [("HEAD", Mode(body=b"x" * 9999)), ("GET", Mode(status=304))])
def test_an_announced_length_of_a_body_that_never_comes_is_no_matter(
    way: Way, server: FaultServer, method: str, mode: Mode
) -> None:
    server.mode = mode if method == "HEAD" else mode.replace(headers=(("Content-Length", "9999"),))

    async def scenario(client: Face) -> None:
        response = await client.send(client.client.build_request(method, URL))
        assert (response.status_code, response.headers["content-length"]) == (mode.status, "9999")

    way.run(scenario, mesh=mesh_of(server, 1000))


@each_way
def test_no_endpoint_is_charged_and_no_attempt_made_again(way: Way, server: FaultServer) -> None:
    """The tenth would open the breaker, if it counted."""
    server.mode = unannounced(Mode(body=b"x" * 5000))
    mesh = mesh_of(server, 1000)

    async def scenario(client: Face) -> None:
        for _ in range(12):
            with pytest.raises(meshlib.ResponseTooLarge):
                await client.get(URL)
        assert server.requests == 12
        server.mode = Mode()
        assert (await client.get(URL)).status_code == 200

    way.run(scenario, mesh=mesh)


@pytest.mark.parametrize("way", [w for w in WAYS if w.kind != "trio"], ids=str)  # httpx leaves generators open there
def test_what_cannot_be_decoded_is_said_as_httpx_says_it(way: Way, server: FaultServer) -> None:
    server.mode = Mode(body=b"no gzip", headers=(("Content-Encoding", "gzip"),))

    async def scenario(client: Face) -> None:
        with pytest.raises(way.hx.DecodingError, match="incorrect header check") as raised:
            await client.get(URL)
        assert not isinstance(raised.value, meshlib.MeshError)

    way.run(scenario, mesh=mesh_of(server, 1000))


@each_way
def test_more_codings_than_anybody_needs_are_refused(way: Way, server: FaultServer) -> None:
    server.mode = Mode(headers=(("Content-Encoding", ", ".join(["gzip"] * 6)),))

    async def scenario(client: Face) -> None:
        with pytest.raises(meshlib.ResponseTooLarge, match="it has 6 content codings"):
            await client.get(URL)

    way.run(scenario, mesh=mesh_of(server, 1000))


@pytest.mark.parametrize("way", [w for w in WAYS if w.kind != "trio"], ids=str)
def test_it_holds_for_a_transport_of_the_users_own_and_for_a_mock(way: Way) -> None:
    sync = way.sync
    answer = way.hx.Response(200, content=b"x" * 1001)
    mesh = meshlib.Mesh({"payment-service": {"wire": {"max_response_bytes": 1000}}})

    async def scenario(client: Face) -> None:
        with pytest.raises(meshlib.ResponseTooLarge, match="it has more"):
            await client.get(URL)

    async def handler(request: object) -> object:
        return answer

    mock = way.hx.MockTransport((lambda _: answer) if sync else handler)
    way.run(scenario, mesh=mesh, transport=mock)


@each_way
@pytest.mark.parametrize("announced", [True, False])
def test_it_holds_at_the_second_door(way: Way, server: FaultServer, announced: bool) -> None:
    """A client of httpx's own on a transport of ours."""
    server.mode = Mode(body=b"x" * 3000) if announced else unannounced(Mode(body=b"x" * 3000))
    mesh = mesh_of(server, 1000)

    async def scenario(client: Face) -> None:
        with pytest.raises(meshlib.ResponseTooLarge) as raised:
            await client.get(URL)
        check(way, mesh, raised.value, 1000)

    way.use(lambda: way.stock(transport=way.transport(mesh=mesh)), scenario)


@each_way
def test_the_journal_says_what_ended_the_attempt(way: Way, server: FaultServer) -> None:
    server.mode = unannounced(Mode(body=b"x" * 3000))

    async def scenario(client: Face) -> None:
        with pytest.raises(meshlib.ResponseTooLarge) as raised:
            await client.get(URL)
        journal = meshlib.journal(raised.value)
        assert journal is not None
        assert [attempt.outcome for attempt in journal.attempts] == ["ResponseTooLarge"]

    way.run(scenario, mesh=mesh_of(server, 1000))


@each_way
def test_httpx2_still_tells_how_long_it_took(way: Way, server: FaultServer) -> None:
    async def scenario(client: Face) -> None:
        assert (await client.get(URL)).elapsed.total_seconds() > 0

    way.run(scenario, mesh=mesh_of(server, 1000))


def test_the_defaults_hold_for_hosts_under_unconfigured_mesh_and_for_no_others(server: FaultServer) -> None:
    server.mode = Mode(body=b"x" * 1001)
    url = f"http://localhost:{server.port}/"
    wire = {"wire": {"max_response_bytes": "1KB"}}
    with meshlib.Client(mesh=meshlib.Mesh(defaults=wire), trust_env=False) as client:
        assert client.get(url).status_code == 200
    configured = meshlib.Client(mesh=meshlib.Mesh(defaults=wire, unconfigured="mesh"), trust_env=False)
    with configured, pytest.raises(meshlib.ResponseTooLarge):
        configured.get(url)


@pytest.mark.parametrize("wrong", ["10XB", "-1", 0, 1.5, True])
def test_a_limit_that_is_no_size_is_refused_at_start(wrong: object) -> None:
    with pytest.raises(meshlib.ConfigError, match=r"services\.payment-service\.wire\.max_response_bytes"):
        meshlib.Mesh({"payment-service": {"wire": {"max_response_bytes": wrong}}})
