"""The router: a pool for each endpoint and origin, let go when the endpoint has left; release on every way out."""

import asyncio
import socket
import threading

import anyio
import httpx
import pytest
import trio

import meshlib
from meshlib.endpoint import Address
from meshlib.testing.server import Fleet, Mode
from meshlib.wire import supply
from tests.ways import busy, each_async_way, each_way, eventually

URL = "http://payment-service/"


@pytest.fixture
def fleet():
    with Fleet(2) as running:
        yield running


def mesh_of(*addresses, **more):
    return meshlib.Mesh({"payment-service": {"discovery": f"static://{','.join(addresses)}", **more}})


def endpoints(mesh):
    return mesh.route(httpx.URL(URL)).endpoints


def publish(mesh, *servers, at=0.0):
    endpoints(mesh).publish([Address(server.host, server.port) for server in servers], at)


@each_way
def test_the_pool_of_an_endpoint_that_has_left_is_closed(way, fleet, monkeypatch):
    monkeypatch.setattr(supply, "SWEEP", 0.0)
    mesh = mesh_of(fleet[0].address)

    async def scenario(client):
        await client.get(URL)
        assert fleet[0].open_connections == 1
        publish(mesh, fleet[1])
        await client.get(URL)
        assert eventually(lambda: fleet[0].open_connections == 0)
        assert client.client._transport._pool.counts()["pools"] == 1

    way.run(scenario, mesh=mesh)


@each_way
def test_a_stream_on_an_endpoint_that_has_left_goes_on(way, fleet, monkeypatch):
    monkeypatch.setattr(supply, "SWEEP", 0.0)
    fleet[0].mode = Mode(body=b"x" * 300_000)
    mesh = mesh_of(fleet[0].address)

    async def scenario(client):
        async with client.stream("GET", URL) as response:
            publish(mesh, fleet[1])
            await client.get(URL)
            assert len(await client.read(response)) == 300_000

    way.run(scenario, mesh=mesh)


@each_way
def test_an_endpoint_that_comes_back_long_after_keeps_its_new_streams(way, fleet, monkeypatch):
    """It is another object then, of the same name: the pool is that of the newest."""
    monkeypatch.setattr(supply, "SWEEP", 0.0)
    for server in fleet.servers:
        server.mode = Mode(body=b"x" * 300_000)
    mesh = mesh_of(fleet[0].address)

    async def scenario(client):
        async with client.stream("GET", URL) as old:
            publish(mesh, fleet[1], at=1000.0)
            publish(mesh, fleet[1], at=2000.0)  # forgets what left at 1000
            publish(mesh, fleet[0], at=3000.0)
            async with client.stream("GET", URL) as new:
                await client.read(old)
                publish(mesh, fleet[0], fleet[1], at=4000.0)
                await client.get(URL)
                assert len(await client.read(new)) == 300_000

    way.run(scenario, mesh=mesh)


@each_way
def test_max_connections_hold_for_each_endpoint(way, fleet):
    for server in fleet.servers:
        server.mode = Mode(body=b"x" * 300_000)  # more than comes with its head
    mesh = mesh_of(*fleet.addresses, wire={"max_connections": 1}, balance={"policy": "round_robin"}, retry=False)

    async def scenario(client):
        async with client.stream("GET", URL), client.stream("GET", URL):
            outcome = await client.outcome("get", URL, timeout=way.hx.Timeout(5, pool=0.01))
            assert isinstance(outcome, way.hx.PoolTimeout)
        assert busy(mesh) == 0

    way.run(scenario, mesh=mesh)
    assert [server.connections for server in fleet.servers] == [1, 1]


@each_way
def test_a_unix_socket_is_an_endpoint(way, tmp_path):
    path = str(tmp_path / "s")
    asked = []

    def serve():
        connection, _ = listener.accept()
        with connection:
            asked.append(connection.recv(65536))
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        thread = threading.Thread(target=serve)
        thread.start()

        async def scenario(client):
            assert (await client.get(URL)).text == "ok"

        way.run(scenario, mesh=mesh_of(f"unix:{path}"))
        thread.join(5)
    assert b"host: payment-service" in asked[0].lower()


@each_way
@pytest.mark.parametrize("address", ["169.254.169.254:80", "0.0.0.0:80", "[fd00:ec2::254]:80", "224.0.0.1:80"])
def test_addresses_that_discovery_may_not_name_are_not_dialled(way, address, monkeypatch):
    mesh = mesh_of("127.0.0.1:1", retry=False)
    host, _, port = address.rpartition(":")
    endpoints(mesh).publish([Address(host.strip("[]"), int(port))], 0.0)

    async def scenario(client):
        outcome = await client.outcome("get", URL)
        assert isinstance(outcome, way.hx.ConnectError)
        assert "is no address that discovery may name" in str(outcome)
        assert [a.sent for a in meshlib.journal(outcome).attempts] == ["nothing"]

    way.run(scenario, mesh=mesh)


@pytest.mark.realtime
@each_async_way
@pytest.mark.parametrize(
    "mode", [Mode.hang(), Mode.drip_head(0.05), Mode.drip_body(0.05)], ids=lambda mode: mode.answer
)
def test_a_cancelled_call_is_released_and_its_endpoint_not_blamed(way, fleet, mode):
    fleet[0].mode = mode
    mesh = mesh_of(fleet[0].address, breaker={"consecutive_failures": 1})

    async def scenario(client):
        for _ in range(2):
            with anyio.move_on_after(0.05) as scope:
                await client.get(URL)
            assert scope.cancelled_caught
            assert busy(mesh) == 0
        fleet[0].mode = Mode.ok()
        assert (await client.get(URL)).status_code == 200

    way.run(scenario, mesh=mesh)


@pytest.mark.realtime
@each_async_way
def test_a_cancelled_stream_is_released(way, fleet):
    fleet[0].mode = Mode.drip_body(0.05)
    mesh = mesh_of(fleet[0].address)

    async def scenario(client):
        with anyio.move_on_after(0.1) as scope:
            async with client.stream("GET", URL) as response:
                await client.read(response)
        assert scope.cancelled_caught
        assert busy(mesh) == 0

    way.run(scenario, mesh=mesh)
    assert eventually(lambda: fleet[0].open_connections == 0)


@each_way
def test_the_trace_extension_sees_the_connection(way, fleet):
    seen = []

    def trace(name, info):
        seen.append(name)

    async def atrace(name, info):
        seen.append(name)

    async def scenario(client):
        await client.get(URL, extensions={"trace": trace if way.sync else atrace})

    way.run(scenario, mesh=mesh_of(fleet[0].address))
    assert "connection.connect_tcp.complete" in seen
    assert "http11.receive_response_body.complete" in seen


@each_way
def test_the_pool_stays_one_of_httpcore_with_the_clients_own_settings(way, fleet):
    limits = way.hx.Limits(max_connections=7, max_keepalive_connections=3, keepalive_expiry=1.5)

    async def scenario(client):
        pool = client.client._transport._pool
        assert isinstance(pool, type(pool).pool)
        await client.get(URL)
        assert pool._max_connections == pool.supply.slots.limit == 7
        assert pool._max_keepalive_connections == pool.supply.slots.idle_limit == 3
        assert pool._keepalive_expiry == 1.5
        (connection,) = pool.supply.slots.idle
        assert 0 < connection.expires - connection.idle_since <= 1.5

    way.run(scenario, mesh=mesh_of(fleet[0].address), limits=limits)


@each_way
def test_the_pool_tells_of_its_connections_as_httpcore_does(way, fleet):
    fleet[0].mode = Mode(body=b"x" * 300_000)  # more than comes with its head

    async def scenario(client):
        pool = client.client._transport._pool
        async with client.stream("GET", URL) as response:
            assert "[Requests: 1 active, 0 queued | Connections: 1 active, 0 idle]" in repr(pool)
            await client.read(response)
        assert "[Requests: 0 active, 0 queued | Connections: 0 active, 1 idle]" in repr(pool)
        assert len(pool.connections) == 1

    way.run(scenario, mesh=mesh_of(fleet[0].address))


def test_nothing_is_left_open_when_a_loop_ends(fleet):
    """Sockets close with the client, on both loops."""
    mesh = mesh_of(*fleet.addresses)

    async def main():
        async with meshlib.AsyncClient(mesh=mesh, trust_env=False) as client:
            for _ in range(4):
                await client.get(URL)

    asyncio.run(main())
    trio.run(main)
    assert eventually(lambda: sum(server.open_connections for server in fleet.servers) == 0)
