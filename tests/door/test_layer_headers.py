"""Headers that a user's layer adds to a call: on every attempt, and nowhere else."""

from __future__ import annotations

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
