"""pytest-httpx and pytest-httpx2 on clients, wrapped clients and transports of meshlib, without a setting."""

from __future__ import annotations

import httpx
import httpx2
import pytest

import meshlib
from tests.ways import WAYS

URL = "http://payment-service/charge"
on_httpx = pytest.mark.parametrize("way", [w for w in WAYS if w.hx is httpx], ids=str)
on_httpx2 = pytest.mark.parametrize("way", [w for w in WAYS if w.hx is httpx2], ids=str)
each_client = pytest.mark.parametrize("kind", ["made", "wrapped", "transport"])


@pytest.fixture
def mesh():
    return meshlib.Mesh({"payment-service": {"discovery": "static://127.0.0.1:1"}})


def maker(way, kind, mesh):
    return {
        "made": lambda: way.new(mesh=mesh),
        "wrapped": lambda: meshlib.wrap(way.stock(), mesh=mesh),
        "transport": lambda: way.stock(transport=way.transport(mesh=mesh)),
    }[kind]


@on_httpx
@each_client
def test_callbacks_and_requests(way, kind, mesh, httpx_mock):
    def answer(request):
        return httpx.Response(201, json={"url": str(request.url), "sent": request.content.decode()})

    httpx_mock.add_callback(answer, method="POST")
    httpx_mock.add_exception(httpx.ReadTimeout("theirs"), method="GET")

    async def scenario(client):
        response = await client.post(URL, content=b"body", headers={"X-Mine": "1"})
        assert response.json() == {"url": URL, "sent": "body"}
        assert isinstance(await client.outcome("get", URL), httpx.ReadTimeout)

    way.use(maker(way, kind, mesh), scenario)
    sent = httpx_mock.get_requests()
    assert [request.method for request in sent] == ["POST", "GET"]
    assert sent[0].headers["x-mine"] == "1"
    assert not [name for name in sent[0].headers if name.startswith(("x-envoy", "traceparent"))]


@on_httpx
@each_client
def test_one_503_is_one_503(way, kind, mesh, httpx_mock):
    httpx_mock.add_response(status_code=503)

    async def scenario(client):
        assert (await client.get(URL)).status_code == 503

    way.use(maker(way, kind, mesh), scenario)
    assert len(httpx_mock.get_requests()) == 1


@on_httpx
@each_client
def test_a_configured_retry_takes_the_second_answer_at_once(way, kind, httpx_mock):
    httpx_mock.add_response(status_code=503)
    httpx_mock.add_response(status_code=200)
    service = {"discovery": "static://127.0.0.1:1", "retry": {"max_attempts": 2, "backoff": "1h"}}

    async def scenario(client):
        assert (await client.get(URL)).status_code == 200

    way.use(maker(way, kind, meshlib.Mesh({"payment-service": service})), scenario)
    assert len(httpx_mock.get_requests()) == 2


@on_httpx
@each_client
@pytest.mark.httpx_mock(assert_all_requests_were_expected=False)
def test_what_is_not_expected_is_told_at_once(way, kind, mesh, httpx_mock):
    async def scenario(client):
        with pytest.raises(httpx.TimeoutException, match="No response can be found"):
            await client.get(URL)

    way.use(maker(way, kind, mesh), scenario)
    assert len(httpx_mock.get_requests()) == 1


@on_httpx2
@each_client
def test_pytest_httpx2(way, kind, mesh, httpx2_mock):
    route = httpx2_mock.get(URL).respond(202, json={"a": 1})
    failing = httpx2_mock.get("http://payment-service/error").respond(503)

    async def scenario(client):
        response = await client.get(URL)
        assert (response.status_code, response.json()) == (202, {"a": 1})
        assert (await client.get("http://payment-service/error")).status_code == 503

    way.use(maker(way, kind, mesh), scenario)
    assert (route.call_count, failing.call_count) == (1, 1)


@on_httpx2
@each_client
def test_pytest_httpx2_unmatched(way, kind, mesh, httpx2_mock):
    async def scenario(client):
        with pytest.raises(AssertionError, match="not mocked"):
            await client.get(URL)

    way.use(maker(way, kind, mesh), scenario)
