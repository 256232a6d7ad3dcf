"""docs/different-from-httpx.md, statement by statement: what meshlib does, and beside it what httpx does."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import h11
import httpx
import pytest

import meshlib
from meshlib.testing.server import FaultServer, Fleet, Mode
from tests.docs.service import NAME, first, on


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


def test_one_log_line_for_each_attempt(server: FaultServer, caplog: pytest.LogCaptureFixture) -> None:
    server.mode = first(Mode.fail(503))
    with caplog.at_level(logging.INFO, "httpx"), meshlib.Client(mesh=on(server)) as client:
        assert client.get(NAME).status_code == 200
    lines = [record.getMessage() for record in caplog.records if record.name == "httpx"]
    assert [line.rpartition('"HTTP/1.1 ')[2] for line in lines] == ['503 Service Unavailable"', '200 OK"']


def test_cookies_of_a_discarded_answer_are_stored(server: FaultServer) -> None:
    server.mode = first(Mode.fail(503).replace(headers=(("Set-Cookie", "a=1"),)))
    with meshlib.Client(mesh=on(server)) as client:
        assert client.get(NAME).status_code == 200
        assert dict(client.cookies) == {"a": "1"}


@pytest.mark.realtime
def test_elapsed_is_that_of_the_last_attempt(server: FaultServer) -> None:
    server.mode = first(Mode.fail(503).replace(delay=0.2))
    with meshlib.Client(mesh=on(server)) as client:
        response = client.get(NAME)
    journal = meshlib.journal(response)
    assert journal is not None
    assert response.elapsed.total_seconds() < 0.2 < sum(attempt.ms for attempt in journal.attempts) / 1e3


def test_hooks_run_once_per_hop_and_find_the_body_read(server: FaultServer) -> None:
    seen: list[tuple[str, Any]] = []
    hooks: Any = {
        "request": [lambda request: seen.append(("request", request.url.path))],
        "response": [lambda response: seen.append(("response", response.is_closed))],
    }
    server.mode = first(Mode.fail(503))
    with meshlib.Client(mesh=on(server), event_hooks=hooks) as client:
        client.get(NAME)
        assert seen == [("request", "/"), ("response", True)]
        seen.clear()
        with client.stream("GET", NAME):
            assert seen[-1] == ("response", False)
    seen.clear()
    with httpx.Client(event_hooks=hooks) as stock:
        stock.get(server.url)
        assert seen[-1] == ("response", False)


@pytest.mark.realtime
def test_limits_hold_for_the_whole_client() -> None:
    limits = httpx.Limits(max_connections=2)
    with (
        Fleet(3) as fleet,
        meshlib.Client(mesh=on(*fleet.servers), limits=limits, timeout=0.3) as client,
        client.stream("GET", NAME),
        client.stream("GET", NAME),
    ):
        assert sum(server.open_connections for server in fleet.servers) == 2
        with pytest.raises(httpx.PoolTimeout):
            client.get(NAME)


def test_without_limits_of_its_own_a_client_keeps_more_than_httpx_does() -> None:
    """A hundred and one streams are open at once, where httpx's limit is a hundred."""
    with Fleet(3) as fleet, meshlib.Client(mesh=on(*fleet.servers), timeout=5) as client, ExitStack() as streams:
        for _ in range(101):
            streams.enter_context(client.stream("GET", NAME))
        assert sum(server.open_connections for server in fleet.servers) == 101


def test_a_body_that_does_not_fit_its_announced_length(server: FaultServer) -> None:
    with meshlib.Client(mesh=on(server)) as client, pytest.raises(httpx.LocalProtocolError):
        client.post(NAME, content=b"four", headers={"Content-Length": "3"})
    with httpx.Client() as stock, pytest.raises(h11.LocalProtocolError):
        stock.post(server.url, content=b"four", headers={"Content-Length": "3"})


@pytest.mark.parametrize(
    ("what", "field"),
    [
        ({"headers": {"X-Note": "a\r\nX-Evil: 1"}}, "X-Note"),
        ({"headers": {"X Note": "a"}}, "X Note"),
        ({"url": "http://127.0.0.1:99999/"}, "99999"),
        ({"url": "http://127.0.0.1:0/"}, "port 0"),
        ({"method": "GE T"}, "GE T"),
        ({"extensions": {"target": b"/a b"}}, "target"),
    ],
)
def test_what_must_not_be_sent_is_refused_before_anything_is_dialled(
    server: FaultServer, what: dict[str, Any], field: str
) -> None:
    with meshlib.Client() as client, pytest.raises(httpx.LocalProtocolError, match=field) as caught:
        client.request(**({"method": "GET", "url": server.url} | what))
    assert isinstance(caught.value, meshlib.RequestRefused)
    assert server.connections == 0


def test_httpx_dials_before_it_refuses_a_header(server: FaultServer) -> None:
    with httpx.Client() as stock:
        with pytest.raises(httpx.LocalProtocolError):
            stock.get(server.url, headers={"X-Note": "a\r\nX-Evil: 1"})
        assert stock.get(server.url).status_code == 200
    assert server.connections == 2


@pytest.mark.parametrize("given", ["environment", "argument"])
def test_a_service_with_discovery_goes_past_the_proxies_of_httpx(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    with FaultServer() as proxy:
        if given == "environment":
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
        with meshlib.Client(mesh=on(server), proxy=proxy.url if given == "argument" else None) as client:
            assert client.get(NAME).status_code == 200
            assert (server.requests, proxy.requests) == (1, 0)
            assert client.get("http://other.invalid/").status_code == 200
            assert (server.requests, proxy.requests) == (1, 1)


def test_a_mount_of_the_users_gets_every_attempt(server: FaultServer) -> None:
    answers = iter([503, 200])
    mine = httpx.MockTransport(lambda request: httpx.Response(next(answers)))
    mesh = on(server, retry={"max_attempts": 2})
    with meshlib.Client(mesh=mesh, mounts={"http://payment-service": mine}) as client:
        response = client.get(NAME)
    journal = meshlib.journal(response)
    assert response.status_code == 200
    assert journal is not None
    assert [attempt.endpoint for attempt in journal.attempts] == [None, None]
    assert server.requests == 0


def test_the_callers_request_stays_his_own_and_the_server_sees_the_time_left(server: FaultServer) -> None:
    with meshlib.Client(mesh=on(server, deadline={"timeout": 1.0})) as client:
        request = client.build_request("GET", NAME)
        before = request.headers.raw
        response = client.send(request)
    assert response.request is request
    assert request.headers.raw == before
    assert str(request.url) == NAME
    sent = server.received[-1].headers
    assert sent["host"] == "payment-service"
    assert 0 < int(sent["x-envoy-expected-rq-timeout-ms"]) <= 1000


def test_a_trace_function_sees_every_attempt(server: FaultServer) -> None:
    seen: list[str] = []
    server.mode = first(Mode.fail(503))
    with meshlib.Client(mesh=on(server)) as client:
        client.get(NAME, extensions={"trace": lambda name, info: seen.append(name)})
    assert seen.count("http11.send_request_headers.started") == 2


def test_an_auth_flow_runs_once_for_all_attempts(server: FaultServer) -> None:
    class Counted(httpx.Auth):
        rounds = 0

        def auth_flow(self, request: httpx.Request) -> Any:
            self.rounds += 1
            request.headers["Authorization"] = f"round {self.rounds}"
            yield request

    auth = Counted()
    server.mode = first(Mode.fail(503))
    with meshlib.Client(mesh=on(server), auth=auth) as client:
        client.get(NAME)
    assert [request.headers["authorization"] for request in server.received] == ["round 1", "round 1"]


@pytest.mark.realtime
def test_a_plain_timeout_is_not_retried(server: FaultServer) -> None:
    server.mode = Mode.hang()
    with meshlib.Client(mesh=on(server), timeout=0.1) as client, pytest.raises(httpx.ReadTimeout):
        client.get(NAME)
    assert server.requests == 1


def test_unconfigured_hosts_fail_as_in_httpx() -> None:
    with FaultServer() as server, meshlib.Client() as client:
        server.mode = Mode.fail(503)
        assert client.get(server.url).status_code == 503
        assert server.requests == 1
        assert not [name for name in server.received[-1].headers if "envoy" in name]
        server.mode = Mode.refuse()
        with pytest.raises(httpx.ConnectError):
            client.get(server.url)


def test_a_body_that_can_be_read_once_is_kept_up_to_a_limit(server: FaultServer) -> None:
    def chunks(size: int) -> Iterator[bytes]:
        yield b"x" * size

    def put(size: int) -> int:
        server.mode = first(Mode.fail(503))
        with meshlib.Client(mesh=on(server)) as client:
            return client.put(NAME, content=chunks(size)).status_code

    assert put(1000) == 200
    assert put(100_000) == 503


def test_the_class_changes_when_a_client_is_wrapped() -> None:
    with httpx.Client() as client:
        transport = client._transport
        assert meshlib.wrap(client) is client
        assert isinstance(client, httpx.Client)
        assert type(client) is not httpx.Client
        assert client._transport is transport
        assert type(meshlib.unwrap(client)) is httpx.Client


def test_a_wrong_configuration_stops_the_first_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meshlib.mesh._default", [])
    monkeypatch.setenv("MESHLIB_UNCONFIGURED", "saef")
    with pytest.raises(meshlib.ConfigError, match="safe"):
        meshlib.Client()


def test_the_last_answer_is_returned_and_the_last_error_carries_notes(server: FaultServer) -> None:
    server.mode = Mode.fail(503)
    with meshlib.Client(mesh=on(server)) as client:
        assert client.get(NAME).status_code == 503
        assert server.requests == 3
    server.mode = Mode.refuse()
    with meshlib.Client(mesh=on(server)) as client, pytest.raises(httpx.ConnectError) as caught:
        client.get(NAME)
    assert "3 attempts" in caught.value.__notes__[0]
    assert meshlib.journal(caught.value) is not None


def test_a_post_is_not_sent_again_once_it_has_left(server: FaultServer) -> None:
    server.mode = Mode.fail(503)
    with meshlib.Client(mesh=on(server)) as client:
        assert client.post(NAME).status_code == 503
        assert server.requests == 1
        client.post(NAME, headers={"Idempotency-Key": "42"})
        assert server.requests == 4
