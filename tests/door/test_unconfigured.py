"""What happens to hosts that no service names: safe, direct, refuse, mesh; and meshlib switched off."""

import os
import subprocess
import sys
import textwrap

import pytest

import meshlib
from meshlib.testing.server import FaultServer, Mode
from tests.ways import each_way


@pytest.fixture
def server():
    with FaultServer() as running:
        yield running


@each_way
def test_safe_is_httpx_with_a_journal(way, server):
    async def scenario(client):
        response = await client.get(server.url)
        attempts = meshlib.journal(response).attempts
        assert [(a.endpoint, a.outcome) for a in attempts] == [(None, "200")]

    way.run(scenario, mesh=meshlib.Mesh())
    stock = {"host", "accept", "accept-encoding", "connection", "user-agent"}
    assert set(server.received[0].headers) == stock


@each_way
@pytest.mark.parametrize("mode", [Mode.fail(503), Mode.reset(), Mode.refuse()], ids=["503", "reset", "refused"])
def test_safe_does_not_try_again(way, server, mode):
    server.mode = mode

    async def scenario(client):
        outcome = await client.outcome("get", server.url)
        assert len(meshlib.journal(outcome).attempts) == 1

    way.run(scenario, mesh=meshlib.Mesh())


@each_way
def test_a_call_can_ask_for_more(way, server):
    server.mode = Mode.fail(503)

    async def scenario(client):
        asked = meshlib.options(retry={"max_attempts": 2, "backoff": 0})
        outcome = await client.outcome("get", server.url, extensions=asked)
        assert len(meshlib.journal(outcome).attempts) == 2

    way.run(scenario, mesh=meshlib.Mesh())


@each_way
def test_direct_is_httpx_alone(way, server):
    async def scenario(client):
        assert meshlib.journal(await client.get(server.url)) is None

    way.run(scenario, mesh=meshlib.Mesh(unconfigured="direct"))


@each_way
def test_refuse_names_the_host(way, server):
    async def scenario(client):
        with pytest.raises(meshlib.NoRoute, match=r"127\.0\.0\.1.*unconfigured = \"refuse\"") as raised:
            await client.get(server.url)
        assert isinstance(raised.value, way.hx.TransportError)
        assert raised.value.flag == "NR"
        assert raised.value.layer == "route"
        assert raised.value.request.url == server.url

    way.run(scenario, mesh=meshlib.Mesh(unconfigured="refuse"))
    assert server.requests == 0


@each_way
def test_refuse_of_a_url_without_a_host_says_so(way):
    async def scenario(client):
        with pytest.raises(meshlib.NoRoute, match="for a URL without a host,"):
            await client.get("file:///etc/hosts")

    way.run(scenario, mesh=meshlib.Mesh(unconfigured="refuse"))


@each_way
def test_mesh_gives_the_defaults_to_every_host(way, server):
    server.mode = Mode.fail(503)
    mesh = meshlib.Mesh(unconfigured="mesh", defaults={"retry": {"max_attempts": 2, "backoff": 0}})

    async def scenario(client):
        outcome = await client.outcome("get", f"http://localhost:{server.port}/")
        assert len(meshlib.journal(outcome).attempts) == 2

    way.run(scenario, mesh=mesh)


SWITCHED_OFF = """
    import warnings
    warnings.simplefilter("error")
    import meshlib, httpx, httpcore
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        client = meshlib.Client()
    assert [str(w.message) for w in told] == [
        "MESHLIB_ENABLED=0: plain httpx; these services resolve by plain DNS only: payment-service"], told
    assert type(client._transport._pool) is httpcore.ConnectionPool
    response = client.get("{url}")
    assert response.status_code == 200 and meshlib.journal(response) is None
    stock = httpx.Client()
    pool = stock._transport._pool
    meshlib.wrap(stock)
    assert stock._transport._pool is pool
    assert stock.get("{url}").status_code == 200
    assert "MESHLIB_ENABLED=0" in client._meshlib.mesh.explain("{url}")
    stock.close(); client.close()
    print("as plain httpx")
"""


def test_switched_off_it_is_plain_httpx(server):
    environment = {
        **os.environ,
        "MESHLIB_ENABLED": "0",
        "MESHLIB_SERVICES__PAYMENT_SERVICE__DISCOVERY": "static://127.0.0.1:1",
        "NO_PROXY": "*",
    }
    code = textwrap.dedent(SWITCHED_OFF).replace("{url}", server.url)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.stderr) == ("as plain httpx", "")
