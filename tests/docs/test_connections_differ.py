"""docs/different-from-httpx.md, "Connections" and "What is made otherwise and looks the same"."""

from __future__ import annotations

import gc
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

import meshlib
from meshlib.testing.server import FaultServer, Mode
from tests.docs.service import NAME, on


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not true() and time.monotonic() < end:
        time.sleep(0.005)
    assert true()


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (None, (1000, 100)),
        (httpx.Limits(max_connections=100, max_keepalive_connections=20), (1000, 100)),
        (httpx.Limits(max_connections=100, max_keepalive_connections=10), (100, 10)),
        (httpx.Limits(), (sys.maxsize, sys.maxsize)),
    ],
)
def test_httpx_s_default_limits_count_as_none_chosen(limits: Any, expected: tuple[float, float]) -> None:
    with meshlib.Client(**({"limits": limits} if limits else {})) as client:
        slots = client._transport._pool.supply.slots  # type: ignore[attr-defined]
        assert (slots.limit, slots.idle_limit) == expected


@pytest.mark.realtime
def test_an_endpoint_has_a_bound_of_its_own(server: FaultServer) -> None:
    mesh = on(server, wire={"max_connections": 1})
    with meshlib.Client(mesh=mesh, timeout=0.3) as client, client.stream("GET", NAME):
        with pytest.raises(httpx.PoolTimeout):
            client.get(NAME)
        assert client.get(server.url).status_code == 200  # the same server, as a host that nobody configured


@pytest.mark.realtime
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_dead_kept_alive_connection_costs_no_attempt(server: FaultServer, method: str) -> None:
    with meshlib.Client(mesh=on(server)) as client:
        client.request(method, NAME)
        server.mode = Mode.refuse()  # closes what is open
        server.mode = Mode()
        wait_until(lambda: server.open_connections == 0)
        response = client.request(method, NAME)
    journal = meshlib.journal(response)
    assert journal is not None
    assert (response.status_code, len(journal.attempts), server.connections) == (200, 1, 2)


def test_a_response_that_is_not_streamed_has_given_its_connection_back(server: FaultServer) -> None:
    with meshlib.Client(mesh=on(server), limits=httpx.Limits(max_connections=1), timeout=0.3) as client:
        kept = [client.get(NAME) for _ in range(3)]
        assert (len(kept), server.connections) == (3, 1)


@pytest.mark.realtime
def test_close_with_grace_lets_what_runs_end_and_refuses_what_is_new(server: FaultServer) -> None:
    server.mode = Mode.ok(delay=0.2)
    client = meshlib.Client(mesh=on(server))
    answers: list[int] = []
    thread = threading.Thread(target=lambda: answers.append(client.get(NAME).status_code))
    thread.start()
    wait_until(lambda: server.requests == 1)
    client.close(grace=5)
    thread.join(5)
    assert answers == [200]
    with pytest.raises(RuntimeError, match="the client has been closed"):
        client.get(NAME)


def open_and_drop(client: httpx.Client) -> None:
    client.send(client.build_request("GET", NAME), stream=True)
    gc.collect()


def test_a_stream_that_nobody_closes_gives_its_connection_back_and_warns(server: FaultServer) -> None:
    long = Mode().replace(body=b"x" * 1_000_000)
    server.mode = long
    limits = httpx.Limits(max_connections=1)
    with meshlib.Client(mesh=on(server), limits=limits, timeout=1) as client:
        with pytest.warns(ResourceWarning, match=f"opened here: {__file__}"):
            open_and_drop(client)
        server.mode = Mode()
        assert client.get(NAME).status_code == 200


def test_a_trace_function_is_told_the_same_as_by_httpx(server: FaultServer) -> None:
    def told(client: httpx.Client, url: str) -> list[str]:
        seen: list[str] = []
        client.get(server.url)
        client.get(url, extensions={"trace": lambda name, info: seen.append(name)})
        return [name for name in seen if name.startswith("http11.")]

    with httpx.Client() as stock, meshlib.Client() as client:
        assert told(client, server.url) == told(stock, server.url) != []


class Logged(meshlib.Client):
    hops = 0

    def _send_single_request(self, request: httpx.Request) -> httpx.Response:
        self.hops += 1
        response: httpx.Response = super()._send_single_request(request)
        return response


def test_a_method_that_is_overridden_or_patched_is_called(server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with Logged(mesh=on(server)) as logged:
        logged.get(NAME)
        assert logged.hops == 1
    calls: list[httpx.Request] = []
    original = httpx.HTTPTransport.handle_request

    def traced(self: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        calls.append(request)
        return original(self, request)

    with meshlib.Client(mesh=on(server)) as client:
        client.get(NAME)
        monkeypatch.setattr(httpx.HTTPTransport, "handle_request", traced)
        client.get(NAME)
        monkeypatch.undo()
        client.get(NAME)
    assert len(calls) == 1
