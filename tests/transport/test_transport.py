"""HTTPTransport and AsyncHTTPTransport: the pipeline in a stock client, a plain transport under one of ours."""

import httpx
import pytest
import respx

import meshlib
from meshlib.testing.server import FaultServer, Fleet, Mode
from tests.ways import busy, each_way, eventually

URL = "http://payment-service/"


@pytest.fixture
def fleet():
    with Fleet(2) as running:
        yield running


@pytest.fixture
def mesh(fleet):
    service = {"discovery": f"static://{','.join(fleet.addresses)}", "balance": {"policy": "round_robin"}}
    return meshlib.Mesh({"payment-service": service})


@each_way
def test_a_stock_client_gets_the_pipeline(way, fleet, mesh):
    fleet[0].mode = Mode.fail(503)

    async def scenario(client):
        responses = [await client.get(URL) for _ in range(2)]
        assert [r.status_code for r in responses] == [200, 200]
        assert {meshlib.journal(r).attempts[-1].endpoint for r in responses} == {fleet[1].address}
        assert busy(mesh) == 0
        fleet[1].mode = Mode(body=b"x" * 300_000)  # more than comes with its head
        async with client.stream("GET", URL) as response:
            assert busy(mesh) == 1
            await client.read(response)
        assert busy(mesh) == 0

    way.use(lambda: way.stock(transport=way.transport(mesh=mesh)), scenario)
    assert eventually(lambda: sum(server.open_connections for server in fleet.servers) == 0)


@each_way
def test_errors_carry_the_request_and_the_journal(way, fleet, mesh):
    for server in fleet.servers:
        server.mode = Mode.reset()

    async def scenario(client):
        outcome = await client.outcome("get", URL)
        assert isinstance(outcome, way.hx.ReadError)
        assert outcome.request.url == URL
        assert len(meshlib.journal(outcome).attempts) == 3
        refused = await client.outcome("get", URL, headers={"a": "b\r\nc"})
        assert isinstance(refused, meshlib.RequestRefused)

    way.use(lambda: way.stock(transport=way.transport(mesh=mesh)), scenario)


@each_way
@pytest.mark.parametrize("mode", [Mode.fail(503), Mode.reset()], ids=["503", "reset"])
def test_attempts_do_not_multiply_under_a_client_of_ours(way, fleet, mesh, mode):
    for server in fleet.servers:
        server.mode = mode

    async def scenario(client):
        outcome = await client.outcome("get", URL)
        attempts = meshlib.journal(outcome).attempts
        assert len(attempts) == 3
        assert {a.endpoint for a in attempts} == set(fleet.addresses)

    way.run(scenario, mesh=mesh, transport=way.transport(mesh=mesh))
    assert fleet.requests == 3


@each_way
def test_a_client_of_ours_inside_a_transport_does_not_multiply_attempts(way):
    """A nested client that is handed the attempt's own request sends it as it is."""
    hx = way.hx

    class Nested(hx.BaseTransport if way.sync else hx.AsyncBaseTransport):
        def __init__(self):
            self.client = way.new(mesh=mesh)

        def handle_request(self, request):
            return self.client.send(request, stream=True)

        async def handle_async_request(self, request):
            return await self.client.send(request, stream=True)

        def close(self):
            self.client.close()

        async def aclose(self):
            await self.client.aclose()

    with FaultServer(mode=Mode.fail(503)) as server:
        mesh = meshlib.Mesh({"localhost": {"discovery": f"static://{server.address}"}})

        async def scenario(client):
            response = await client.get(f"http://localhost:{server.port}/")
            assert response.status_code == 503
            assert len(meshlib.journal(response).attempts) == 3

        way.use(lambda: way.new(mesh=mesh, transport=Nested()), scenario)
        assert server.requests == 3


def moved(request):
    return Mode(status=302, headers=(("Location", "/next"),), body=b"") if request.target == "/" else Mode.ok()


@each_way
def test_a_redirect_in_a_stock_client_is_a_call_of_its_own(way, mesh, fleet):
    for server in fleet.servers:
        server.mode = moved

    async def scenario(client):
        response = await client.get(URL, follow_redirects=True)
        assert response.status_code == 200
        assert [hop.url for hop in meshlib.journal(response).hops] == [f"{URL}next"]
        assert [hop.url for hop in meshlib.journal(response.history[0]).hops] == [URL]

    way.use(lambda: way.stock(transport=way.transport(mesh=mesh)), scenario)


@each_way
def test_through_a_proxy_everything_works_but_endpoint_choice(way, mesh):
    with FaultServer() as proxy:

        async def scenario(client):
            response = await client.get(URL)
            assert meshlib.journal(response).attempts[0].endpoint is None
            assert proxy.received[0].target == URL

        way.use(lambda: way.stock(transport=way.transport(mesh=mesh, proxy=way.hx.Proxy(proxy.url))), scenario)


@each_way
def test_switched_off_it_is_the_stock_transport(way, monkeypatch):
    monkeypatch.setenv("MESHLIB_ENABLED", "0")
    with FaultServer() as server:

        async def scenario(client):
            response = await client.get(server.url)
            assert meshlib.journal(response) is None
            assert type(client.client._transport._pool).__module__.startswith("httpcore")

        way.use(lambda: way.stock(transport=way.transport(mesh=meshlib.Mesh())), scenario)


def test_respx_answers_below_the_pipeline(mesh, fleet):
    with respx.mock as router, httpx.Client(transport=meshlib.HTTPTransport(mesh=mesh)) as client:
        route = router.get(URL).respond(204)
        response = client.get(URL)
        assert (response.status_code, route.call_count) == (204, 1)
        assert meshlib.journal(response).attempts[0].outcome == "204"
    assert fleet.requests == 0
    assert busy(mesh) == 0


def test_pytest_httpx_replaces_what_stands_below_the_pipeline(mesh, fleet, httpx_mock):
    httpx_mock.add_response(status_code=204)
    with httpx.Client(transport=meshlib.HTTPTransport(mesh=mesh)) as client:
        response = client.get(URL)
    assert meshlib.journal(response).attempts[0].outcome == "204"
    assert fleet.requests == 0
    assert busy(mesh) == 0
