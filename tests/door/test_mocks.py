"""Mocks written for httpx go on working: no DNS, one call per attempt, nothing counted as unsent."""

import asyncio
import socket
import time
from unittest import mock

import anyio
import httpcore
import httpx
import pytest
import respx

import meshlib
from meshlib.library import httpx2_library, httpx_library
from meshlib.testing.server import FaultServer
from meshlib.wire.private import mocker_of
from tests.ways import WAYS, busy, each_way

URL = "http://payment-service/charge"
httpx_ways = pytest.mark.parametrize("way", [w for w in WAYS if w.hx is httpx], ids=str)


@pytest.fixture(autouse=True)
def no_dns(monkeypatch):
    """A look-up of a name fails the test."""
    real = socket.getaddrinfo

    def numeric_only(host, *args, **kw):
        assert host is None or str(host)[:1].isdigit(), f"{host} was looked up"
        return real(host, *args, **kw)

    monkeypatch.setattr(socket, "getaddrinfo", numeric_only)


@pytest.fixture
def mesh():
    """Its endpoint does not exist: whoever dials fails."""
    return meshlib.Mesh({"payment-service": {"discovery": "static://127.0.0.1:1"}}, unconfigured="mesh")


@httpx_ways
@pytest.mark.parametrize("using", ["httpcore", "httpx"])
@pytest.mark.parametrize("url", [URL, "http://unconfigured.example/"])
def test_respx(way, mesh, using, url):
    with respx.mock(using=using) as router:
        route = router.get(url).respond(202, json={"a": 1})

        async def scenario(client):
            response = await client.get(url)
            assert (response.status_code, response.json(), route.call_count) == (202, {"a": 1}, 1)
            assert str(route.calls[0].request.url) == url
            assert meshlib.journal(response).attempts[0].sent == "all"

        way.run(scenario, mesh=mesh)
    assert busy(mesh) == 0


@httpx_ways
def test_respx_with_a_route_that_passes_through(way):
    with FaultServer() as server, respx.mock as router:
        mesh = meshlib.Mesh({"payment-service": {"discovery": f"static://{server.address}"}})
        router.get(URL).pass_through()

        async def scenario(client):
            assert [(await client.get(URL)).status_code for _ in range(2)] == [200, 200]

        way.run(scenario, mesh=mesh)
        assert server.requests == 2
        assert busy(mesh) == 0


@httpx_ways
@pytest.mark.parametrize("using", ["httpcore", "httpx"])
def test_nothing_counts_as_unsent_under_a_mock(way, using):
    """Else a POST that a mock fails would be sent again."""
    mesh = meshlib.Mesh(
        {"payment-service": {"discovery": "static://127.0.0.1:1", "retry": {"max_attempts": 3, "backoff": "1h"}}}
    )
    with respx.mock(using=using) as router:
        route = router.post(URL).mock(side_effect=httpx.ConnectError)

        async def scenario(client):
            outcome = await client.outcome("post", URL)
            assert isinstance(outcome, httpx.ConnectError)
            assert [a.sent for a in meshlib.journal(outcome).attempts] == ["all"]

        way.run(scenario, mesh=mesh)
        assert route.call_count == 1


@httpx_ways
def test_an_unmatched_route_is_told_at_once(way, mesh):
    async def scenario(client):
        with respx.mock, pytest.raises(AssertionError, match="not mocked"):
            await client.get(URL)

    way.run(scenario, mesh=mesh)


@httpx_ways
def test_a_retry_nobody_configured_does_not_engage_under_a_mock(way, mesh):
    with respx.mock as router:
        route = router.get(URL).respond(503)

        async def scenario(client):
            assert (await client.get(URL)).status_code == 503

        way.run(scenario, mesh=mesh)
        assert route.call_count == 1


@httpx_ways
def test_a_configured_retry_does_engage_and_does_not_wait(way):
    service = {"discovery": "static://127.0.0.1:1", "retry": {"max_attempts": 3, "backoff": "1h"}}
    with respx.mock as router:
        route = router.get(URL).mock(side_effect=[httpx.Response(503), httpx.Response(200)])

        async def scenario(client):
            assert (await client.get(URL)).status_code == 200

        way.run(scenario, mesh=meshlib.Mesh({"payment-service": service}))
        assert route.call_count == 2


@httpx_ways
def test_pytest_httpx(way, mesh, httpx_mock):
    httpx_mock.add_response(url=URL, json={"a": 1})

    async def scenario(client):
        async with client.stream("GET", URL) as response:
            assert busy(mesh) == 0, "what our wire does not hand out is over when it returns"
            await client.read(response)
        assert response.json() == {"a": 1}

    way.run(scenario, mesh=mesh)
    assert busy(mesh) == 0


@httpx_ways
def test_pytest_httpx_with_one_error_registered(way, mesh, httpx_mock):
    httpx_mock.add_response(status_code=503)

    async def scenario(client):
        assert (await client.get(URL)).status_code == 503

    way.run(scenario, mesh=mesh)


@pytest.mark.httpx_mock(assert_all_requests_were_expected=False)
@httpx_ways
def test_pytest_httpx_unmatched(way, mesh, httpx_mock):
    async def scenario(client):
        with pytest.raises(httpx.TimeoutException, match="No response can be found"):
            await client.get(URL)

    began = time.monotonic()
    way.run(scenario, mesh=mesh)
    assert time.monotonic() - began < 5


@pytest.mark.realtime
@pytest.mark.parametrize("kind", ["asyncio", "trio"])
def test_a_deadline_ends_a_mock_that_takes_too_long(kind):
    way = next(w for w in WAYS if w.hx is httpx and w.kind == kind)
    service = {"discovery": "static://127.0.0.1:1", "deadline": {"timeout": 0.1}}

    async def slowly(request):
        await anyio.sleep(60)

    async def scenario(client):
        with respx.mock as router:
            router.get(URL).mock(side_effect=slowly)
            with pytest.raises(meshlib.DeadlineExceeded):
                await client.get(URL)

    began = time.monotonic()
    way.run(scenario, mesh=meshlib.Mesh({"payment-service": service}))
    assert time.monotonic() - began < 5


@each_way
def test_a_mock_transport_is_asked_once_per_attempt_and_sees_the_callers_request(way, mesh):
    seen = []

    def answer(request):
        seen.append(request)
        return way.hx.Response(200 if len(seen) > 1 else 503, request=request)

    async def scenario(client):
        request = client.client.build_request("GET", URL)
        response = await client.send(request)
        assert seen[0] is request
        assert response.request is request
        assert [a.endpoint for a in meshlib.journal(response).attempts] == [None, None]

    way.run(scenario, mesh=mesh, transport=way.hx.MockTransport(answer))


@each_way
def test_a_transport_that_is_put_in_later_is_used(way, mesh):
    async def scenario(client):
        client.client._transport = way.hx.MockTransport(lambda request: way.hx.Response(207))
        response = await client.get(URL)
        assert response.status_code == 207
        assert meshlib.journal(response) is not None

    way.run(scenario, mesh=mesh)
    assert busy(mesh) == 0


@each_way
def test_patched_methods_are_used(way, mesh):
    hx = way.hx
    answer = hx.Response(208, request=hx.Request("GET", URL))
    kind = mock.Mock if way.sync else mock.AsyncMock
    client_class, transport, method = (
        (hx.Client, hx.HTTPTransport, "handle_request")
        if way.sync
        else (hx.AsyncClient, hx.AsyncHTTPTransport, "handle_async_request")
    )

    async def scenario(client):
        for owner, name in ((client_class, "send"), (client_class, "request"), (transport, method)):
            with mock.patch.object(owner, name, kind(return_value=answer)) as patched:
                assert (await client.get(URL)).status_code == 208
                assert patched.call_count == 1
        assert busy(mesh) == 0

    way.run(scenario, mesh=mesh)


def test_a_side_effect_that_runs_out_raises_stop_iteration_as_in_httpx(mesh):
    """In a coroutine it would become a RuntimeError (PEP 479)."""
    transport = httpx.MockTransport(mock.Mock(side_effect=[httpx.Response(200)]))
    with meshlib.Client(mesh=mesh, transport=transport) as client:
        assert client.get(URL).status_code == 200
        with pytest.raises(StopIteration) as raised:
            client.get(URL)
        assert meshlib.journal(raised.value).attempts[-1].outcome == "StopIteration"


@pytest.mark.parametrize("library", [httpx_library(), httpx2_library()], ids=lambda lib: lib.hx.__name__)
def test_an_unknown_patch_is_not_taken_for_a_mock(library, monkeypatch):
    """It may be an agent that traces in production."""
    monkeypatch.setattr(library.hx.HTTPTransport, "handle_request", lambda self, request: None)
    assert mocker_of(library) is None


def test_mockers_are_known_while_they_work_and_not_after(httpx_mock):
    library = httpx_library()
    assert mocker_of(library) == "pytest_httpx"


@pytest.mark.parametrize("using", ["httpcore", "httpx"])
def test_respx_is_known_while_it_works_and_not_after(using):
    library = httpx_library()
    with respx.mock(using=using):
        assert mocker_of(library) == "respx"
    assert mocker_of(library) is None


def test_a_mocked_pool_is_left_as_a_pool_of_httpcore():
    with meshlib.Client(mesh=meshlib.Mesh()) as client:
        assert isinstance(client._transport._pool, httpcore.ConnectionPool)
    client = meshlib.AsyncClient(mesh=meshlib.Mesh())
    assert isinstance(client._transport._pool, httpcore.AsyncConnectionPool)
    asyncio.run(client.aclose())
