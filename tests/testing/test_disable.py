"""While `disable()` is in force every client is plain httpx, in whatever thread; afterwards nothing is left."""

import asyncio
import inspect
import threading

import pytest

import meshlib
from meshlib.switch import switch
from meshlib.testing import FaultServer, Mode, disable
from tests.ways import each_way

URL = "http://payment-service/"


@pytest.fixture
def server():
    with FaultServer() as running:
        yield running


@pytest.fixture
def mesh(server):
    """Its service is `server` by discovery, is retried and has a deadline, which sends a header of the mesh's."""
    service = {"discovery": f"static://{server.address}", "hosts": [server.address], "deadline": {"timeout": 60}}
    return meshlib.Mesh({"payment-service": service})


@pytest.fixture(autouse=True)
def nothing_left():
    yield
    assert switch.off == 0


def header_names(server):
    return sorted(server.received[-1].headers)


async def plain(client, server):
    """Sends one request that fails, and proves that no layer saw it."""
    server.mode = Mode.fail(503)
    before = server.requests
    response = await client.get(server.url)
    assert response.status_code == 503
    assert meshlib.journal(response) is None
    assert server.requests - before == 1, "it was retried"
    assert header_names(server) == ["accept", "accept-encoding", "connection", "host", "user-agent"]


async def meshed(client, server):
    server.mode = Mode.ok()
    response = await client.get(URL)
    assert meshlib.journal(response).attempts[0].endpoint == server.address
    assert "x-envoy-expected-rq-timeout-ms" in header_names(server)


@each_way
def test_an_existing_client_is_plain_and_then_meshed_again(way, server, mesh):
    async def scenario(client):
        await meshed(client, server)
        with disable():
            await plain(client, server)
        await meshed(client, server)

    way.run(scenario, mesh=mesh)


@each_way
def test_a_client_made_meanwhile_is_plain_and_meshed_afterwards(way, server, mesh):
    with disable() as off:

        async def scenario(client):
            await plain(client, server)
            off.undo()
            await meshed(client, server)

        way.run(scenario, mesh=mesh)


@each_way
@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_wrapped_client(way, server, mesh, when):
    async def scenario(client):
        if when == "before":
            meshlib.wrap(client.client, mesh=mesh)
        with disable():
            await plain(client, server)
            meshlib.wrap(client.client, mesh=mesh)
            await plain(client, server)
        await meshed(client, server)
        with disable():
            meshlib.unwrap(client.client)
        await plain(client, server)

    way.use(way.stock, scenario)


@each_way
def test_a_transport_in_a_stock_client(way, server, mesh):
    async def scenario(client):
        with disable():
            await plain(client, server)
        await meshed(client, server)

    way.use(lambda: way.stock(transport=way.transport(mesh=mesh)), scenario)


@each_way
def test_a_service_goes_through_the_proxy_again_as_in_httpx(way, server, mesh):
    with FaultServer() as proxy:

        async def scenario(client):
            with disable():
                assert meshlib.journal(await client.get(URL)) is None
            assert (proxy.received[-1].target, server.requests) == (URL, 0)
            await meshed(client, server)
            assert proxy.requests == 1

        way.run(scenario, mesh=mesh, proxy=proxy.url)


@each_way
def test_a_service_that_only_discovery_knows_does_not_resolve(way, monkeypatch):
    """As with MESHLIB_ENABLED=0: httpx looks the name up, and its own error comes out."""
    mesh = meshlib.Mesh({"payment-service.invalid": {"discovery": "static://127.0.0.1:1"}})

    async def scenario(client):
        with disable():
            outcome = await client.outcome("get", "http://payment-service.invalid/")
        assert type(outcome) is way.hx.ConnectError
        assert meshlib.journal(outcome) is None

    way.run(scenario, mesh=mesh)


@each_way
def test_what_a_mesh_would_refuse_is_sent(way, server):
    async def scenario(client):
        assert isinstance(await client.outcome("get", server.url), meshlib.NoRoute)
        with disable():
            await plain(client, server)

    way.run(scenario, mesh=meshlib.Mesh(unconfigured="refuse"))


def test_it_holds_in_other_threads_and_loops(server, mesh):
    seen = []

    def in_thread():
        with meshlib.Client(mesh=mesh, trust_env=False) as client:
            seen.append(meshlib.journal(client.get(server.url)))

    async def in_loop():
        async with meshlib.AsyncClient(mesh=mesh, trust_env=False) as client:
            seen.append(meshlib.journal(await client.get(server.url)))

    with disable():
        threads = [threading.Thread(target=target) for target in (in_thread, lambda: asyncio.run(in_loop()))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert seen == [None, None]


def test_uses_that_overlap_are_counted():
    first, second = disable(), disable()
    first.undo()
    first.undo()
    assert switch.off == 1
    with second, disable():
        assert switch.off == 2
    assert switch.off == 0
    with second:
        assert switch.off == 1


def test_it_is_undone_by_an_error():
    with pytest.raises(ZeroDivisionError), disable():
        1 / 0  # noqa: B018


@disable()
def off_in_a_function(add=1):
    """The function's own words."""
    return switch.off + add


@disable()
async def off_in_a_coroutine():
    await asyncio.sleep(0)
    return switch.off


@disable()
def off_in_a_generator():
    yield switch.off
    yield switch.off


@disable()
async def off_in_an_async_generator():
    yield switch.off
    yield switch.off


def test_a_decorated_function_is_off_while_it_runs():
    assert off_in_a_function(add=0) == 1
    assert off_in_a_function.__doc__ == "The function's own words."
    assert inspect.signature(off_in_a_function).parameters["add"].default == 1
    assert list(off_in_a_generator()) == [1, 1]


def test_a_decorated_coroutine_is_off_from_its_start_to_its_end():
    async def main():
        assert inspect.iscoroutinefunction(off_in_a_coroutine)
        coroutine = off_in_a_coroutine()
        assert switch.off == 0
        assert await coroutine == 1
        assert [value async for value in off_in_an_async_generator()] == [1, 1]

    asyncio.run(main())


@pytest.fixture
@disable()
def decorated_fixture(server):
    yield server
    assert switch.off == 1


@pytest.fixture
def with_fixture():
    with disable():
        yield


@pytest.mark.parametrize("name", ["decorated_fixture", "with_fixture"])
def test_a_fixture_is_off_for_the_whole_test(name, request):
    request.getfixturevalue(name)
    assert switch.off == 1


def test_a_class_is_refused():
    with pytest.raises(TypeError, match="decorates functions"):
        disable()(int)
