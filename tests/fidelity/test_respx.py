"""respx on clients, wrapped clients and transports of meshlib, without a setting: what its users write goes on working.

httpx2 is mocked by the same router, with the mocker that pytest-httpx2 adds to respx.
"""

from __future__ import annotations

import httpx
import pytest
import pytest_httpx2  # noqa: F401  (registers `using="httpcore2"`)
import respx

import meshlib
from meshlib.testing.server import FaultServer
from tests.ways import each_way

URL = "http://payment-service/charge"
CLIENTS = ["made", "wrapped", "transport", "given"]
each_client = pytest.mark.parametrize("kind", CLIENTS)


@pytest.fixture
def server():
    with FaultServer() as running:
        yield running


@pytest.fixture
def mesh(server):
    return meshlib.Mesh({"payment-service": {"discovery": f"static://{server.address}"}})


def maker(way, kind, mesh):
    """The four places where meshlib can stand."""
    return {
        "made": lambda: way.new(mesh=mesh),
        "wrapped": lambda: meshlib.wrap(way.stock(), mesh=mesh),
        "transport": lambda: way.stock(transport=way.transport(mesh=mesh)),
        "given": lambda: way.new(mesh=mesh, transport=way.transport(mesh=mesh)),
    }[kind]


def using(way):
    return "httpcore" if way.hx is httpx else "httpcore2"


@each_way
@each_client
def test_routes_answer_and_count(way, kind, mesh, server):
    """By method, pattern, parameters and content; nothing is dialled."""

    async def scenario(client):
        with respx.mock(using=using(way), base_url="http://payment-service") as router:
            get = router.get("/charge", params={"a": "1"}, name="get").respond(202, json={"b": 2}, headers={"X": "y"})
            post = router.post(path__regex=r"/charge/(?P<number>\d+)", content=b"body").respond(201)
            response = await client.get(URL, params={"a": "1"})
            assert (response.status_code, response.json(), response.headers["x"]) == (202, {"b": 2}, "y")
            assert (await client.post(f"{URL}/7", content=b"body")).status_code == 201
            assert (get.call_count, post.call_count, router.calls.call_count) == (1, 1, 2)
            assert str(router["get"].calls.last.request.url) == f"{URL}?a=1"
            assert router.calls.last.request.content == b"body"
        assert (await client.get(URL)).status_code == 200  # the mock is over

    way.use(maker(way, kind, mesh), scenario)
    assert server.requests == 1


@each_way
@each_client
def test_passed_through_requests_meet_the_server(way, kind, mesh, server):
    """With connections from before, and more than once."""

    async def scenario(client):
        await client.get(URL)
        with respx.mock(using=using(way)) as router:
            router.get(URL).pass_through()
            router.get("http://payment-service/mocked").respond(299)
            seen = [(await client.get(url)).status_code for url in (URL, "http://payment-service/mocked", URL)]
        assert seen == [200, 299, 200]

    way.use(maker(way, kind, mesh), scenario)
    assert server.requests == 3


@each_way
@each_client
def test_what_is_not_mocked_fails_the_test(way, kind, mesh, server):
    async def scenario(client):
        with respx.mock(using=using(way)), pytest.raises(AssertionError, match="not mocked"):
            await client.get(URL)
        with respx.mock(using=using(way), assert_all_mocked=False):
            assert (await client.get(URL)).status_code == 200  # respx's own answer

    way.use(maker(way, kind, mesh), scenario)
    assert server.requests == 0


@each_way
@each_client
def test_assert_all_called_tells_what_was_not(way, kind, mesh):
    async def scenario(client):
        with respx.mock(using=using(way), assert_all_called=True) as router:
            router.get(URL).respond(200)
            router.get("http://payment-service/never").respond(200)
            await client.get(URL)

    with pytest.raises(AssertionError, match="not called"):
        way.use(maker(way, kind, mesh), scenario)


@each_way
@each_client
def test_the_decorator_and_side_effects(way, kind, mesh, server):
    seen = []

    def answer(request, route):
        seen.append((request.method, request.url.path, route.call_count))
        return httpx.Response(200, text="from the function")

    async def scenario(client):
        @respx.mock(using=using(way))
        async def test(respx_mock):
            respx_mock.get(URL).mock(side_effect=answer)
            respx_mock.get("http://payment-service/error").mock(side_effect=way.hx.ConnectTimeout("too slow"))
            assert (await client.get(URL)).text == "from the function"
            assert isinstance(await client.outcome("get", "http://payment-service/error"), way.hx.ConnectTimeout)

        await test()

    way.use(maker(way, kind, mesh), scenario)
    assert seen == [("GET", "/charge", 0)]
    assert server.requests == 0


@each_way
@each_client
def test_streams_uploads_and_redirects(way, kind, mesh):
    def upload():
        yield b"one"
        yield b"two"

    async def upload_later():
        for chunk in upload():
            yield chunk

    async def scenario(client):
        with respx.mock(using=using(way)) as router:
            router.post(URL).respond(307, headers={"Location": "/other"})
            other = router.post("http://payment-service/other").respond(200, content=b"body")
            response = await client.post(URL, content=b"sent", follow_redirects=True)
            assert (response.content, other.calls.last.request.content) == (b"body", b"sent")
            async with client.stream(
                "POST", "http://payment-service/other", content=upload() if way.sync else upload_later()
            ) as response:
                assert await client.read(response) == b"body"
            assert other.calls.last.request.content == b"onetwo"

    way.use(maker(way, kind, mesh), scenario)


@each_way
def test_clients_leave_nothing_behind(way, mesh, server):
    """Mock and wire by turns; afterwards no connection and no attempt is left."""

    async def scenario(client):
        for number in range(10):
            with respx.mock(using=using(way)) as router:
                router.get(URL).respond(202)
                assert (await client.get(URL)).status_code == 202
            assert (await client.get(URL)).status_code == 200, number
        endpoints = mesh.snapshot()["payment-service"]["endpoints"]
        assert [e["in_flight"] for e in endpoints.values()] == [0]

    way.run(scenario, mesh=mesh)
    assert server.requests == 10
    assert server.connections <= 2
