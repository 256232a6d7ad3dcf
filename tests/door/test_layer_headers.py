"""Headers that a user's layer adds to a call: on every attempt, and nowhere else."""

from __future__ import annotations

import contextvars
from typing import Any

import httpx
import pytest

import meshlib
from meshlib.testing import FaultServer, Fleet, Mode


class Tenant:
    name = "tenant"

    async def handle(self, inner: meshlib.Handler, call: Any) -> meshlib.Response:
        call.headers["X-Tenant"] = "blue"
        return await inner(call)


def _client(fleet: Fleet, **kw: Any) -> meshlib.Client:
    service = meshlib.Service("static://" + ",".join(fleet.addresses))
    return meshlib.Client(mesh=meshlib.Mesh({"payment-service": service}, layers=[(Tenant(), "above", "retry")]), **kw)


def test_every_attempt_carries_them_and_the_caller_s_request_does_not() -> None:
    with Fleet(3, mode=Mode.fail(503)) as fleet, _client(fleet) as client:
        response = client.get("http://payment-service/")
        received = [request.headers.get("x-tenant") for server in fleet for request in server.received]
    assert received == ["blue"] * 3
    assert "x-tenant" not in response.request.headers


def test_a_redirect_to_another_host_does_not_carry_them() -> None:
    with FaultServer() as elsewhere, Fleet(1) as fleet, _client(fleet, follow_redirects=True) as client:
        fleet[0].mode = Mode(status=302, headers=(("Location", elsewhere.url),))
        assert client.get("http://payment-service/").status_code == 200
        assert "x-tenant" not in elsewhere.received[0].headers


def test_a_transport_that_is_not_ours_gets_them_too() -> None:
    seen: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("x-tenant"))
        return httpx.Response(200)

    with Fleet(1) as fleet, _client(fleet, transport=httpx.MockTransport(answer)) as client:
        client.get("http://payment-service/")
    assert seen == ["blue"]


def test_a_control_character_in_them_is_refused() -> None:
    class Bad(Tenant):
        async def handle(self, inner: meshlib.Handler, call: Any) -> meshlib.Response:
            call.headers["X-Tenant"] = "blue\r\nX-Evil: 1"
            return await inner(call)

    with Fleet(1) as fleet:
        service = meshlib.Service(f"static://{fleet.addresses[0]}")
        mesh = meshlib.Mesh({"payment-service": service}, layers=[(Bad(), "above", "retry")])
        with meshlib.Client(mesh=mesh) as client, pytest.raises(meshlib.RequestRefused, match="X-Tenant"):
            client.get("http://payment-service/")
        assert fleet.requests == 0


@pytest.mark.parametrize("ours", [True, False], ids=["our wire", "a mock"])
def test_a_header_of_the_caller_s_with_that_name_is_replaced_while_it_is_sent(ours: bool) -> None:
    seen: list[list[str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get_list("x-tenant"))
        return httpx.Response(200)

    other = {} if ours else {"transport": httpx.MockTransport(answer)}
    with Fleet(1) as fleet, _client(fleet, **other) as client:
        response = client.get("http://payment-service/", headers={"x-tenant": "red"})
        got = fleet[0].received[0].headers["x-tenant"] if ours else seen[0]
    assert got in ("blue", ["blue"])
    assert response.request.headers.get_list("x-tenant") == ["red"]


def test_a_request_that_is_sent_twice_at_once_has_only_its_own_headers() -> None:
    """On a wire that is not ours the first one's mesh headers are on the object just then; none are taken over."""
    request = httpx.Request("GET", "http://payment-service/", headers={"x-own": "1"})
    inner: list[list[str]] = []

    def answer(sent: httpx.Request) -> httpx.Response:
        if not inner:
            inner.append(sent.headers.get_list("x-tenant"))
            second.send(request)
        else:
            inner.append(sent.headers.get_list("x-tenant"))
        return httpx.Response(200)

    with Fleet(1) as fleet:
        plain = meshlib.Mesh({"payment-service": meshlib.Service(f"static://{fleet.addresses[0]}")})
        transport = httpx.MockTransport(answer)
        with _client(fleet, transport=transport) as first, meshlib.Client(mesh=plain, transport=transport) as client:
            second = _InContext(client, contextvars.Context())
            first.send(request)
    assert inner == [["blue"], []]


class _InContext:
    """Sends as another task or thread would: in a context of its own."""

    def __init__(self, client: meshlib.Client, context: contextvars.Context) -> None:
        self._client, self._context = client, context

    def send(self, request: httpx.Request) -> None:
        self._context.run(self._client.send, request)
