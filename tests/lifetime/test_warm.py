"""`client.warm(url)`: connections are there before the first request needs one."""

import httpx
import pytest

import meshlib
from meshlib.testing.server import FaultServer, Fleet
from tests.ways import busy, each_way, eventually

URL = "http://payment-service/"


@pytest.fixture
def fleet():
    with Fleet(2) as running:
        yield running


def mesh_of(*addresses, **more):
    return meshlib.Mesh({"payment-service": {"discovery": f"static://{','.join(addresses)}", **more}})


async def warm(way, client, url, **kw):
    found = client.client.warm(url, **kw)
    return found if way.sync else await found


@each_way
def test_every_endpoint_has_its_connections_and_requests_use_them(way, fleet):
    mesh = mesh_of(*fleet.addresses)

    async def scenario(client):
        assert await warm(way, client, URL, connections=2) == 4
        assert await warm(way, client, URL, connections=2) == 4  # those that are there count
        assert eventually(lambda: [server.connections for server in fleet.servers] == [2, 2])
        assert [server.requests for server in fleet.servers] == [0, 0]
        await client.get(URL)
        assert sum(server.connections for server in fleet.servers) == 4
        assert busy(mesh) == 0

    way.run(scenario, mesh=mesh)


@each_way
def test_an_endpoint_that_cannot_be_reached_is_left_out(way, fleet):
    async def scenario(client):
        assert await warm(way, client, URL) == 1

    way.run(scenario, mesh=mesh_of(fleet[0].address, "127.0.0.1:1"))


@each_way
def test_where_none_can_be_reached_httpx_says_so(way):
    async def scenario(client):
        with pytest.raises(way.hx.ConnectError) as caught:
            await warm(way, client, URL)
        assert caught.value.request.url == URL

    way.run(scenario, mesh=mesh_of("127.0.0.1:1"))


@each_way
def test_a_host_that_no_service_names(way):
    with FaultServer() as server:

        async def scenario(client):
            assert await warm(way, client, f"http://{server.address}/") == 1
            assert eventually(lambda: server.connections == 1)

        way.run(scenario, mesh=meshlib.Mesh())


def test_what_cannot_be_warmed_is_refused_by_name():
    mock = httpx.MockTransport(lambda request: httpx.Response(200))
    said = "payment-service: requests do not go over connections of meshlib's"
    with meshlib.Client(mesh=mesh_of("127.0.0.1:1"), transport=mock) as client, pytest.raises(ValueError, match=said):
        client.warm(URL)
    with meshlib.Client(mesh=mesh_of("127.0.0.1:1")) as client, pytest.raises(ValueError, match="connections=0"):
        client.warm(URL, connections=0)


@each_way
def test_no_more_than_the_limits_allow_is_counted(way, fleet):
    async def scenario(client):
        assert await warm(way, client, URL) == 1

    way.run(scenario, mesh=mesh_of(*fleet.addresses), limits=way.hx.Limits(max_connections=1))


@each_way
def test_more_than_the_limits_allow_times_out_in_the_pool(way, fleet):
    async def scenario(client):
        with pytest.raises(way.hx.PoolTimeout):
            await warm(way, client, URL, connections=2)

    limits = way.hx.Limits(max_connections=1)
    way.run(scenario, mesh=mesh_of(fleet[0].address), limits=limits, timeout=way.hx.Timeout(5, pool=0.01))
