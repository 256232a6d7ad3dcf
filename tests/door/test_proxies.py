"""A service with discovery goes past a proxy httpx set up itself; everything else goes where httpx says."""

import pytest

import meshlib
from meshlib.testing.server import FaultServer
from tests.ways import each_way

URL = "http://payment-service/"


@pytest.fixture
def server():
    with FaultServer() as running:
        yield running


@pytest.fixture
def proxy():
    with FaultServer() as running:
        yield running


@pytest.fixture
def mesh(server):
    return meshlib.Mesh(
        {"payment-service": {"discovery": f"static://{server.address}"}, "without-discovery": {"retry": False}}
    )


@each_way
@pytest.mark.parametrize("given", ["environment", "argument"])
def test_only_a_service_with_discovery_goes_past_the_proxy(way, server, proxy, mesh, given, monkeypatch):
    if given == "environment":
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        kw = {"trust_env": True}
    else:
        kw = {"proxy": proxy.url}

    async def scenario(client):
        response = await client.get(URL)
        assert meshlib.journal(response).attempts[0].endpoint == server.address
        for url in ("http://without-discovery/", "http://unconfigured.example/"):
            response = await client.get(url)
            assert proxy.received[-1].target == url
            assert meshlib.journal(response).attempts[0].endpoint is None
        assert (server.requests, proxy.requests) == (1, 2)

    way.run(scenario, mesh=mesh, **kw)


@each_way
def test_a_mount_of_the_users_is_kept_for_a_service_too(way, server, proxy, mesh):
    made = (way.hx.HTTPTransport if way.sync else way.hx.AsyncHTTPTransport)(proxy=way.hx.Proxy(proxy.url))

    async def scenario(client):
        assert client.client._mounts[next(iter(client.client._mounts))] is made
        await client.get(URL)
        assert (server.requests, proxy.requests) == (0, 1)

    way.run(scenario, mesh=mesh, mounts={"http://": made})


@each_way
def test_no_proxy_is_obeyed(way, server, proxy, mesh, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    async def scenario(client):
        await client.get(server.url)
        assert (server.requests, proxy.requests) == (1, 0)

    way.run(scenario, mesh=mesh, trust_env=True)


@each_way
def test_a_proxy_that_fails_is_not_an_endpoint_that_fails(way, mesh):
    """Without endpoint choice an attempt through a proxy is `all` sent: a POST is not repeated."""
    with FaultServer() as closed:
        url = closed.url

    async def scenario(client):
        outcome = await client.outcome("post", "http://without-discovery/")
        assert isinstance(outcome, way.hx.ConnectError)
        assert [(a.endpoint, a.sent) for a in meshlib.journal(outcome).attempts] == [(None, "all")]

    way.run(scenario, mesh=mesh, proxy=url)
