"""docs/different-from-httpx.md, "Where a deadline is not exact", and where it is."""

from __future__ import annotations

import socket
import time
from typing import Any

import anyio
import httpx
import pytest

import meshlib
from meshlib.testing.server import FaultServer, Mode
from tests.docs.service import NAME, on


@pytest.mark.realtime
def test_on_a_foreign_transport_a_sync_deadline_bounds_each_wait_and_not_their_sum() -> None:
    """Stock httpcore under a transport of the user's: a dripping body gets past the deadline, each wait being short."""
    with FaultServer(mode=Mode.drip_body(interval=0.05).replace(body=b"12345678")) as server:
        mesh = on(server, deadline={"timeout": 0.2}, retry=False)
        with meshlib.Client(mesh=mesh, transport=Redirected(server.port)) as client:
            began = time.monotonic()
            assert client.get(NAME).status_code == 200
            assert time.monotonic() - began > 0.3
        with meshlib.Client(mesh=mesh) as client, pytest.raises(meshlib.DeadlineExceeded):
            client.get(NAME)


@pytest.mark.realtime
@pytest.mark.anyio
async def test_on_a_foreign_transport_an_async_deadline_is_exact() -> None:
    async def slow(request: httpx.Request) -> httpx.Response:
        await anyio.sleep(5)
        return httpx.Response(200)

    with FaultServer() as server:
        mesh = on(server, deadline={"timeout": 0.1}, retry=False)
        async with meshlib.AsyncClient(mesh=mesh, transport=httpx.MockTransport(slow)) as client:
            began = time.monotonic()
            with pytest.raises(meshlib.DeadlineExceeded):
                await client.get(NAME)
            assert time.monotonic() - began < 2


@pytest.mark.realtime
def test_a_sync_look_up_of_a_name_cannot_be_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def slow(*args: Any, **kwargs: Any) -> Any:
        time.sleep(0.2)
        return real("127.0.0.1", *args[1:], **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    mesh = meshlib.Mesh({"payment-service": meshlib.Service(deadline={"timeout": 0.05}, retry=False)})
    with FaultServer() as server, meshlib.Client(mesh=mesh) as client:
        began = time.monotonic()
        with pytest.raises(meshlib.DeadlineExceeded):
            client.get(f"http://payment-service:{server.port}/")
        assert time.monotonic() - began >= 0.2


class Redirected(httpx.BaseTransport):
    """A user's transport round httpx's own, which sends everything to one port."""

    def __init__(self, port: int) -> None:
        self._inner, self._port = httpx.HTTPTransport(), port

    def close(self) -> None:
        self._inner.close()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.url = request.url.copy_with(host="127.0.0.1", port=self._port)
        return self._inner.handle_request(request)
