"""HTTP/2: one connection per endpoint, the service's name as authority; a stream is shared, so only `sent` is kept."""

import asyncio
import ssl
import time

import pytest
import trio
import trustme

import meshlib
from tests.ways import busy, each_async_way, each_way
from tests.wire.h2server import H2Server

URL = "https://payment-service/"


@pytest.fixture(scope="module")
def ca():
    return trustme.CA()


@pytest.fixture
def server(ca):
    with H2Server(ca, "payment-service") as running:
        yield running


def trusting(ca):
    context = ssl.create_default_context()
    ca.configure_trust(context)
    return context


def mesh_of(server, **more):
    return meshlib.Mesh({"payment-service": {"discovery": f"static://{server.address}", **more}})


@each_way
def test_requests_share_a_connection_and_keep_the_name(way, ca, server):
    mesh = mesh_of(server)

    async def scenario(client):
        for _ in range(3):
            response = await client.get(URL)
            assert (response.http_version, response.text) == ("HTTP/2", "ok")
            assert [(a.endpoint, a.sent) for a in meshlib.journal(response).attempts] == [(server.address, "part")]
        assert busy(mesh) == 0

    way.run(scenario, mesh=mesh, http2=True, verify=trusting(ca))
    assert server.connections == 1
    assert {asked[b":authority"] for asked in server.asked} == {b"payment-service"}


@each_async_way
def test_twenty_at_once_on_one_connection(way, ca, server):
    mesh = mesh_of(server)

    async def scenario(client):
        await client.get(URL)
        if way.kind == "asyncio":
            await asyncio.gather(*(client.get(URL) for _ in range(20)))
        else:
            async with trio.open_nursery() as nursery:
                for _ in range(20):
                    nursery.start_soon(client.get, URL)
        assert busy(mesh) == 0

    way.run(scenario, mesh=mesh, http2=True, verify=trusting(ca))
    assert (server.connections, len(server.asked)) == (1, 21)


@pytest.mark.realtime
@each_way
def test_a_deadline_ends_a_call_that_hangs(way, ca, server):
    mesh = mesh_of(server, deadline={"timeout": 0.2})

    async def scenario(client):
        began = time.monotonic()
        with pytest.raises(meshlib.DeadlineExceeded):
            await client.get(f"{URL}hang")
        assert time.monotonic() - began < 2
        assert busy(mesh) == 0

    way.run(scenario, mesh=mesh, http2=True, verify=trusting(ca))


@pytest.mark.realtime
@each_way
def test_httpx_s_read_timeout_ends_a_body_that_stalls(way, ca, server):
    mesh = mesh_of(server, retry=False)

    async def scenario(client):
        began = time.monotonic()
        with pytest.raises(way.hx.ReadTimeout):
            await client.get(f"{URL}stall")
        assert time.monotonic() - began < 2
        assert busy(mesh) == 0
        assert (await client.get(URL)).text == "ok"

    way.run(scenario, mesh=mesh, http2=True, verify=trusting(ca), timeout=0.2)


@each_way
def test_a_service_with_certificates_of_its_own_speaks_http2_too(way, ca, server, tmp_path):
    path = tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(str(path))

    async def scenario(client):
        assert (await client.get(URL)).http_version == "HTTP/2"

    way.run(scenario, mesh=mesh_of(server, tls={"ca": str(path)}), http2=True)
