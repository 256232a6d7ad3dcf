"""wrap() and unwrap() on clients as they are found: live, patched, mounted, subclassed, in use."""

import gc
import threading

import httpx
import pytest

import meshlib
from meshlib.testing.server import FaultServer, Mode
from tests.ways import busy, each_way, eventually

URL = "http://payment-service/"


@pytest.fixture
def server():
    with FaultServer() as running:
        yield running


@pytest.fixture
def mesh(server):
    return meshlib.Mesh({"payment-service": {"discovery": f"static://{server.address}"}})


@each_way
def test_a_live_client_stays_the_same_object_and_can_be_taken_off_again(way, server, mesh):
    async def scenario(client):
        assert (await client.get(server.url)).status_code == 200
        stock, before = type(client.client), dict(vars(client.client))
        transport, pool = client.client._transport, client.client._transport._pool

        assert meshlib.wrap(client.client, mesh=mesh) is client.client
        assert meshlib.wrap(client.client) is client.client
        assert isinstance(client.client, stock)
        assert client.client._transport is transport
        assert (await client.get(URL)).status_code == 200

        assert meshlib.unwrap(client.client) is client.client
        assert type(client.client) is stock
        assert vars(client.client) == before
        assert transport._pool is pool
        assert isinstance(
            await client.outcome("get", URL.replace("payment-service", "no.such.invalid")), way.hx.ConnectError
        )
        assert (await client.get(server.url)).status_code == 200
        assert meshlib.unwrap(client.client) is client.client

    way.use(way.stock, scenario)
    assert eventually(lambda: server.open_connections == 0), "sockets must close with the client"


@each_way
def test_sockets_of_every_wrap_close_with_the_client(way, server, mesh):
    """A second wrap() has a pool of its own; closing must not forget that of the first."""

    async def scenario(client):
        for _ in range(3):
            meshlib.wrap(client.client, mesh=mesh)
            assert (await client.get(URL)).status_code == 200
            meshlib.unwrap(client.client)
        assert server.open_connections == 3, "each wrap() kept its connection"

    way.use(way.stock, scenario)
    assert eventually(lambda: server.open_connections == 0)


@each_way
def test_calls_and_streams_in_flight_outlive_unwrap(way, server, mesh):
    server.mode = Mode(body=b"x" * 300_000)

    async def scenario(client):
        meshlib.wrap(client.client, mesh=mesh)
        async with client.stream("GET", URL) as response:
            meshlib.unwrap(client.client)
            assert len(await client.read(response)) == 300_000
        assert busy(mesh) == 0

    way.use(way.stock, scenario)
    assert eventually(lambda: server.open_connections == 0)


def test_a_call_that_backs_off_while_its_client_is_unwrapped_goes_on(server):
    """The attempt that begins afterwards is plain httpx's, which finds this host by itself."""
    waits, goes_on = threading.Event(), threading.Event()

    class Pause:
        name = "pause"

        async def handle(self, inner, attempt):
            if attempt.number == 2:
                waits.set()
                assert goes_on.wait(5)
            return await inner(attempt)

    service = {"discovery": f"static://{server.address}", "retry": {"max_attempts": 2}}
    mesh = meshlib.Mesh({"localhost": service}, layers=[(Pause(), "below", "retry")])
    server.mode = Mode.fail(503)
    with httpx.Client(trust_env=False) as client:
        meshlib.wrap(client, mesh=mesh)
        answers = []
        thread = threading.Thread(target=lambda: answers.append(client.get(f"http://localhost:{server.port}/")))
        thread.start()
        assert waits.wait(5)
        server.mode = Mode.ok()
        meshlib.unwrap(client)
        goes_on.set()
        thread.join(5)
        assert [answer.status_code for answer in answers] == [200]


@each_way
def test_a_client_in_use_by_another_thread_or_task_may_be_wrapped(way, server, mesh):
    async def scenario(client):
        async with client.stream("GET", server.url) as response:
            meshlib.wrap(client.client, mesh=mesh)
            assert (await client.get(URL)).status_code == 200
            assert await client.read(response)

    way.use(way.stock, scenario)


def test_threads_go_on_while_their_client_is_wrapped(server, mesh):
    failures, stop = [], threading.Event()

    def work(client):
        while not stop.is_set():
            try:
                assert client.get(server.url).status_code == 200
            except Exception as exc:
                failures.append(exc)

    for _ in range(10):
        stop.clear()
        with httpx.Client(trust_env=False) as client:
            threads = [threading.Thread(target=work, args=(client,)) for _ in range(4)]
            for thread in threads:
                thread.start()
            meshlib.wrap(client, mesh=mesh)
            assert client.get(URL).status_code == 200
            stop.set()
            for thread in threads:
                thread.join(10)
            meshlib.unwrap(client)
            assert client.get(server.url).status_code == 200
    assert failures == []


@each_way
def test_what_cannot_be_wrapped(way, mesh):
    async def scenario(client):
        meshlib.wrap(client.client, mesh=mesh)
        with pytest.raises(ValueError, match="another mesh"):
            meshlib.wrap(client.client, mesh=meshlib.Mesh())
        assert meshlib.wrap(client.client, mesh=mesh) is client.client

    way.use(way.stock, scenario)
    for wrong in (object(), way.hx, way.hx.HTTPTransport()):
        with pytest.raises(TypeError, match="Client or AsyncClient of httpx or httpx2"):
            meshlib.wrap(wrong, mesh=mesh)


def test_a_closed_client_is_refused(mesh):
    client = httpx.Client()
    client.close()
    with pytest.raises(RuntimeError, match="closed"):
        meshlib.wrap(client, mesh=mesh)
    assert type(client) is httpx.Client


@each_way
def test_a_mock_transport_stays_and_is_asked_once_per_attempt(way, mesh):
    seen = []

    def answer(request):
        seen.append(str(request.url))
        return way.hx.Response(503 if len(seen) == 1 else 200)

    transport = way.hx.MockTransport(answer)

    async def scenario(client):
        meshlib.wrap(client.client, mesh=mesh)
        assert client.client._transport is transport
        response = await client.get(URL)
        assert response.status_code == 200
        assert [a.endpoint for a in meshlib.journal(response).attempts] == [None, None]

    way.use(lambda: way.stock(transport=transport), scenario)
    assert seen == [URL, URL]


@each_way
def test_mounts_stay(way, server, mesh):
    mock = way.hx.MockTransport(lambda request: way.hx.Response(201))

    async def scenario(client):
        meshlib.wrap(client.client, mesh=mesh)
        assert (await client.get("http://mounted/")).status_code == 201
        assert (await client.get(URL)).status_code == 200
        assert mock in client.client._mounts.values()

    way.use(lambda: way.stock(mounts={"http://mounted": mock}), scenario)


@each_way
def test_a_proxy_of_the_environment_is_passed_by_for_a_service_and_kept_for_all_else(way, server, mesh, monkeypatch):
    with FaultServer() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")

        async def scenario(client):
            meshlib.wrap(client.client, mesh=mesh)
            await client.get(URL)
            assert (server.requests, proxy.requests) == (1, 0)
            await client.get("http://elsewhere.invalid/")
            assert (server.requests, proxy.requests) == (1, 1)
            assert proxy.received[0].target == "http://elsewhere.invalid/"
            await client.get(server.url)
            assert (server.requests, proxy.requests) == (2, 1)
            meshlib.unwrap(client.client)
            await client.get(URL)
            assert (server.requests, proxy.requests) == (2, 2)

        way.use(lambda: way.stock(trust_env=True), scenario)


@each_way
def test_subclasses_keep_their_ways(way, server, mesh):
    base = way.hx.Client if way.sync else way.hx.AsyncClient
    hooked = []

    class Wants(base):
        __slots__ = ("extra",)

        def __init_subclass__(cls, *, need, **kw):
            hooked.append(need)
            super().__init_subclass__(**kw)

    class Picky(Wants, need="this"):
        def __setattr__(self, name, value):
            if name == "__class__":
                raise AssertionError("not through here")
            super().__setattr__(name, value)

    async def scenario(client):
        client.client.extra = 1
        meshlib.wrap(client.client, mesh=mesh)
        assert (await client.get(URL)).status_code == 200
        assert client.client.extra == 1
        assert (type(client.client).__name__, type(client.client).__qualname__) == ("Picky", Picky.__qualname__)
        meshlib.unwrap(client.client)
        assert type(client.client) is Picky

    way.use(lambda: Picky(trust_env=False), scenario)
    assert hooked == ["this"]


def test_a_wrapped_client_is_freed_by_its_reference_count(mesh):
    import weakref

    client = httpx.Client(trust_env=False)
    meshlib.wrap(client, mesh=mesh)
    client.close()
    gone = weakref.ref(client)
    gc.disable()
    try:
        del client
        assert gone() is None
    finally:
        gc.enable()


def test_clients_that_share_a_transport(server, mesh):
    shared = httpx.HTTPTransport()
    one, two = httpx.Client(transport=shared), httpx.Client(transport=shared)
    meshlib.wrap(one, mesh=mesh)
    meshlib.wrap(two, mesh=mesh)
    with one, two:
        assert [c.get(URL).status_code for c in (one, two)] == [200, 200]
        meshlib.unwrap(one)
        assert two.get(server.url).status_code == 200
