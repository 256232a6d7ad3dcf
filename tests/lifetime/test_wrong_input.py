"""`client.warm()` and `client.close(grace)` say what is wrong with what they are given, and open nothing in vain."""

import pytest

import meshlib
from meshlib.testing import disable
from meshlib.testing.server import FaultServer
from tests.ways import each_way


async def warm(way, client, url, **kw):
    found = client.client.warm(url, **kw)
    return found if way.sync else await found


async def close(way, client, grace):
    if way.sync:
        client.client.close(grace)
    else:
        await client.client.aclose(grace)


@each_way
@pytest.mark.parametrize("grace", [-1, "5", float("nan"), float("inf"), None, True, []])
def test_a_grace_that_is_no_duration_is_refused_and_the_client_stays_open(way, grace):
    async def scenario(client):
        with pytest.raises(ValueError, match=r"grace=.*seconds"):
            await close(way, client, grace)
        assert not client.client.is_closed

    way.run(scenario, mesh=meshlib.Mesh())


@each_way
@pytest.mark.parametrize(("url", "said"), [("/charge", "missing an 'http://'"), ("ftp://localhost/", "'ftp://'")])
def test_a_url_that_httpx_would_not_request_is_refused_with_its_error(way, url, said):
    async def scenario(client):
        with pytest.raises(way.hx.UnsupportedProtocol, match=said):
            await warm(way, client, url)

    way.run(scenario, mesh=meshlib.Mesh())


@each_way
def test_a_closed_client_opens_nothing(way):
    with FaultServer() as server:

        async def scenario(client):
            await close(way, client, 0)
            with pytest.raises(RuntimeError, match="closed"):
                await warm(way, client, f"http://{server.address}/")

        way.run(scenario, mesh=meshlib.Mesh())
        assert server.connections == 0


@each_way
def test_while_meshlib_is_switched_off_there_is_nothing_to_warm(way, monkeypatch):
    with FaultServer() as server:

        async def scenario(client):
            with disable():
                assert await warm(way, client, f"http://{server.address}/") == 0

        way.run(scenario, mesh=meshlib.Mesh())
        monkeypatch.setenv("MESHLIB_ENABLED", "0")

        async def off_from_the_start(client):
            assert await warm(way, client, f"http://{server.address}/") == 0

        way.run(off_from_the_start, mesh=meshlib.Mesh())
        assert server.connections == 0
