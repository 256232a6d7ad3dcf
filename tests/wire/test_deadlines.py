"""The attempt's deadline bounds what drips: a head or body that comes byte by byte, streamed or not."""

import time

import pytest

import meshlib
from meshlib.testing.server import FaultServer, Mode
from tests.ways import busy, each_way

URL = "http://payment-service/"
LIMIT = 0.2
LOOSE = 10 * LIMIT  # seconds: a shared machine; the drips would take a minute

pytestmark = pytest.mark.realtime


@pytest.fixture
def server():
    with FaultServer() as running:
        yield running


def service(server, **sections):
    return meshlib.Mesh({"payment-service": {"discovery": f"static://{server.address}", "retry": False, **sections}})


@each_way
@pytest.mark.parametrize(
    "mode", [Mode.drip_head(0.05), Mode.drip_body(0.05).replace(body=b"x" * 999), Mode.hang()], ids=str
)
def test_a_call_ends_at_its_deadline(way, server, mode):
    server.mode = mode
    mesh = service(server, deadline={"timeout": LIMIT})

    async def scenario(client):
        began = time.monotonic()
        with pytest.raises(meshlib.DeadlineExceeded) as raised:
            await client.get(URL)
        assert isinstance(raised.value, way.hx.TimeoutException)
        assert LIMIT - 0.01 <= time.monotonic() - began < LOOSE
        assert raised.value.request.url == URL
        assert meshlib.journal(raised.value) is raised.value.journal
        assert busy(mesh) == 0

    way.run(scenario, mesh=mesh)


@each_way
@pytest.mark.parametrize("mode", [Mode.drip_head(0.05), Mode.drip_body(0.05).replace(body=b"x" * 999)], ids=str)
def test_an_attempt_ends_at_its_own_timeout_as_httpx_says_it(way, server, mode):
    server.mode = mode
    mesh = service(server, attempt={"timeout": LIMIT})

    async def scenario(client):
        began = time.monotonic()
        with pytest.raises(way.hx.ReadTimeout) as raised:
            await client.get(URL)
        assert not isinstance(raised.value, meshlib.MeshError)
        assert LIMIT - 0.01 <= time.monotonic() - began < LOOSE
        assert busy(mesh) == 0

    way.run(scenario, mesh=mesh)


@each_way
def test_a_streamed_body_ends_at_the_deadline_of_the_call(way, server):
    server.mode = Mode.drip_body(0.01).replace(body=b"x" * 9999)
    mesh = service(server, deadline={"timeout": LIMIT})

    async def scenario(client):
        began, got = time.monotonic(), []
        async with client.stream("GET", URL) as response:
            with pytest.raises(meshlib.DeadlineExceeded) as raised:
                await client.pull(response, got)
            assert busy(mesh) == 0
        assert got
        assert isinstance(raised.value, way.hx.TimeoutException)
        assert raised.value.request.url == URL
        assert LIMIT - 0.01 <= time.monotonic() - began < LOOSE

    way.run(scenario, mesh=mesh)


@each_way
def test_a_reader_who_is_too_slow_gets_the_deadline_too(way, server):
    """All of the body has come, but the caller takes it after the deadline."""
    server.mode = Mode(body=b"x" * 5_000_000)
    mesh = service(server, deadline={"timeout": LIMIT})

    async def scenario(client):
        async with client.stream("GET", URL) as response:
            time.sleep(LIMIT)
            with pytest.raises(meshlib.DeadlineExceeded):
                await client.read(response)

    way.run(scenario, mesh=mesh)


class Drips:
    """A body that takes its time."""

    def __iter__(self):
        return self

    def __next__(self):
        time.sleep(0.02)
        return b"x"


class AsyncDrips:
    def __aiter__(self):
        return self

    async def __anext__(self):
        time.sleep(0.02)
        return b"x"


@pytest.mark.filterwarnings("ignore:.*AsyncIteratorByteStream")  # httpx leaves that to the collector, stock too
@each_way
def test_a_body_that_is_sent_too_slowly_ends_at_the_deadline(way, server):
    mesh = service(server, deadline={"timeout": LIMIT})

    async def scenario(client):
        began = time.monotonic()
        with pytest.raises(meshlib.DeadlineExceeded):
            await client.post(URL, content=Drips() if way.sync else AsyncDrips())
        assert time.monotonic() - began < LOOSE

    way.run(scenario, mesh=mesh)


@each_way
def test_a_deadline_bounds_a_transport_that_is_not_ours(way, server):
    """In async by one scope, in sync by httpx's own timeouts."""
    server.mode = Mode.hang()
    mesh = service(server, deadline={"timeout": LIMIT})
    transport = way.hx.HTTPTransport() if way.sync else way.hx.AsyncHTTPTransport()

    async def scenario(client):
        began = time.monotonic()
        with pytest.raises(meshlib.DeadlineExceeded):
            await client.get(server.url.replace("127.0.0.1", "localhost"))
        assert time.monotonic() - began < LOOSE

    mesh = meshlib.Mesh(
        {"localhost": {"discovery": f"static://{server.address}", "deadline": {"timeout": LIMIT}, "retry": False}}
    )
    way.run(scenario, mesh=mesh, transport=transport)
