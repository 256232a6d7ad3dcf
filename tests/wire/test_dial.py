"""Nothing stays open where dialling ends half-way, whoever ended it; and what must never share a connection."""

import ssl
from types import SimpleNamespace

import pytest
import trustme

import meshlib
from meshlib.testing.server import FaultServer
from meshlib.wire.supply import Supply
from tests.ways import each_way


@each_way
@pytest.mark.parametrize("step", ["connect_tcp.complete", "start_tls.started", "start_tls.complete"])
def test_a_tracer_that_fails_leaves_no_connection_open(way, step):
    ca = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("payment-service").configure_cert(context)
    trusting = ssl.create_default_context()
    ca.configure_trust(trusting)

    def trace(name, info):
        if name == f"connection.{step}":
            raise LookupError(name)

    async def atrace(name, info):
        trace(name, info)

    with FaultServer(ssl=context) as server:
        mesh = meshlib.Mesh({"payment-service": {"discovery": f"static://{server.address}", "retry": False}})

        async def scenario(client):
            with pytest.raises(LookupError):
                await client.get("https://payment-service/", extensions={"trace": trace if way.sync else atrace})
            assert client.client._transport._pool.counts()["open"] == 0
            assert await client.eventually(lambda: server.open_connections == 0)

        way.run(scenario, mesh=mesh, verify=trusting)


def test_a_tls_context_is_never_taken_for_a_dead_one_at_the_same_address():
    request = SimpleNamespace(scheme=b"https", host=b"h", port=None, extensions={})
    old = Supply.key(None, request, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    assert all(Supply.key(None, request, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)) != old for _ in range(20))
