"""A request goes the whole way: to an endpoint of the service, under the service's name, and is released once."""

import gc

import pytest

import meshlib
from meshlib.testing.server import FaultServer, Fleet, Mode
from tests.ways import busy, each_way

URL = "http://payment-service/charge"
LONG = b"x" * 10_000_000  # more than one read, and than the buffers of a socket


@pytest.fixture
def fleet():
    with Fleet(3) as running:
        yield running


@pytest.fixture
def mesh(fleet):
    service = {"discovery": f"static://{','.join(fleet.addresses)}", "balance": {"policy": "round_robin"}}
    return meshlib.Mesh({"payment-service": service})


@each_way
def test_requests_are_balanced_and_keep_the_name_of_the_service(way, fleet, mesh):
    async def scenario(client):
        for _ in range(6):
            response = await client.get(URL)
            assert response.status_code == 200
            assert response.url == URL
            assert meshlib.journal(response).attempts[0].endpoint in fleet.addresses

    way.run(scenario, mesh=mesh)
    assert [server.requests for server in fleet.servers] == [2, 2, 2]
    assert {dict(r.headers)["host"] for s in fleet.servers for r in s.received} == {"payment-service"}
    assert busy(mesh) == 0


@each_way
def test_a_streamed_response_is_in_flight_until_its_body_ends(way, fleet, mesh):
    for server in fleet.servers:
        server.mode = Mode(body=LONG)

    async def scenario(client):
        async with client.stream("GET", URL) as response:
            assert busy(mesh) == 1
            assert await client.read(response) == LONG
            assert busy(mesh) == 0
        async with client.stream("GET", URL):
            assert busy(mesh) == 1
        assert busy(mesh) == 0

    way.run(scenario, mesh=mesh)


@each_way
def test_a_response_whose_body_came_with_its_head_is_over_when_it_returns(way, mesh):
    """The endpoint is done with it; the connection stays with the caller until he has read or closed the body."""

    async def scenario(client):
        async with client.stream("GET", URL) as response:
            assert busy(mesh) == 0
            assert await client.read(response)

    way.run(scenario, mesh=mesh)


@each_way
@pytest.mark.parametrize("mode", [Mode.reset(), Mode.truncate(), Mode.fail(503), Mode.refuse()], ids=lambda m: m.answer)
def test_what_fails_is_released(way, fleet, mesh, mode):
    for server in fleet.servers:
        server.mode = mode

    async def scenario(client):
        for method in ("get", "post"):
            outcome = await client.outcome(method, URL)
            assert outcome.request.url == URL
            assert meshlib.journal(outcome).attempts
        assert busy(mesh) == 0

    way.run(scenario, mesh=mesh)


@each_way
def test_a_broken_streamed_body_is_raised_and_released(way, fleet, mesh):
    for server in fleet.servers:
        server.mode = Mode.truncate()

    async def scenario(client):
        async with client.stream("GET", URL) as response:
            with pytest.raises(way.hx.RemoteProtocolError):
                await client.read(response)
            assert busy(mesh) == 0

    way.run(scenario, mesh=mesh)


@each_way
def test_a_broken_streamed_body_is_charged_to_its_endpoint(way):
    """The breaker is told in httpx's classes, whatever httpcore raised."""
    with FaultServer(mode=Mode.truncate()) as server:
        mesh = meshlib.Mesh(
            {
                "payment-service": {
                    "discovery": f"static://{server.address}",
                    "breaker": {"min_calls": 2, "failure_ratio": 0.5},
                    "retry": False,
                }
            }
        )

        async def scenario(client):
            for _ in range(2):
                async with client.stream("GET", URL) as response:
                    with pytest.raises(way.hx.RemoteProtocolError):
                        await client.read(response)
            with pytest.raises(meshlib.CircuitOpen):
                await client.get(URL)

        way.run(scenario, mesh=mesh)


@each_way
def test_the_body_of_a_call_that_does_not_stream_is_read_in_its_attempt(way, fleet, mesh):
    """So a body that breaks is tried again; one that is streamed is not."""
    fleet[0].mode = fleet[1].mode = Mode.truncate()

    async def scenario(client):
        return await client.get(URL)

    response = way.run(scenario, mesh=mesh)
    outcomes = [a.outcome for a in meshlib.journal(response).attempts]
    assert response.json()
    assert outcomes[-1] == "200"
    assert set(outcomes[:-1]) <= {"RemoteProtocolError"}
    assert busy(mesh) == 0


def drop(held):
    held.clear()
    gc.collect()


@each_way
def test_a_dropped_response_is_released_by_the_collector(way, fleet, mesh):
    """The warning names the line that opened it."""
    for server in fleet.servers:
        server.mode = Mode(body=LONG)

    async def scenario(client):
        request = client.client.build_request("GET", URL)
        held = [await client.send(request, stream=True)]
        assert busy(mesh) == 1
        with pytest.warns(ResourceWarning, match=r"tests.ways.py"):
            drop(held)
        assert busy(mesh) == 0

    way.run(scenario, mesh=mesh)
    gc.collect()
