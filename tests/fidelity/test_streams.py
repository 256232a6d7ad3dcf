"""An open stream holds its connection, as in httpx, even when its body has come: `max_connections` counts on it."""

from __future__ import annotations

import httpx
import pytest
import respx

from tests.fidelity.differential import compare
from tests.fidelity.server import OK, always
from tests.ways import WAYS, each_way

BODIES = {
    "came with its head": OK,
    "empty": b"HTTP/1.1 204 No Content\r\n\r\n",
    "still to come": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
}


@pytest.mark.realtime
@each_way
@pytest.mark.parametrize("body", BODIES)
def test_an_open_stream_counts_against_max_connections(way, server, body):
    server.answer = always(BODIES[body])

    async def scenario(client):
        async with client.stream("GET", server.url):
            outcome = await client.outcome("get", server.url, timeout=way.hx.Timeout(5, pool=0.05))
        server.answer = always(OK)
        return type(outcome), (await client.get(server.url)).content

    limits = way.hx.Limits(max_connections=1)
    seen = compare(way, scenario, kw=lambda: {"limits": limits})[0]
    assert seen == (way.hx.PoolTimeout, b"ok")


@each_way
@pytest.mark.parametrize("how", ["read", "closed at once"])
def test_a_stream_gives_its_connection_back(way, server, how):
    """When it was read to its end the next request takes that connection; ours also when all had come unread."""

    async def scenario(client):
        before = server.accepted
        for _ in range(3):
            async with client.stream("GET", server.url) as response:
                if how == "read":
                    assert await client.read(response) == b"ok"
        return server.accepted - before

    makes = way.use(lambda: way.new(), scenario)
    assert makes == 1


@pytest.mark.parametrize("way", [w for w in WAYS if w.hx is httpx], ids=str)
def test_the_body_of_a_mock_can_be_read_twice(way):
    """Response hooks of tracers read it before the client does, and under a mock that works."""
    read = []

    async def scenario(client):
        transport = client.client._transport
        name = "handle_request" if way.sync else "handle_async_request"
        original = getattr(transport, name)

        def hooked(request):
            response = original(request)
            read.append(b"".join(response.stream))
            return response

        async def hooked_later(request):
            response = await original(request)
            read.append(b"".join([chunk async for chunk in response.stream]))
            return response

        setattr(transport, name, hooked if way.sync else hooked_later)
        with respx.mock as router:
            router.get("http://x.example/").respond(200, text="Hello!")
            return (await client.get("http://x.example/")).text

    assert compare(way, scenario)[0] == "Hello!"
    assert read == [b"Hello!"] * 3
