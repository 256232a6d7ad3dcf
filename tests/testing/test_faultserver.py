"""Each mode does on a real socket what its name says, and the counts tell what happened."""

import gc
import socket
import ssl
import time

import httpx
import pytest
import trustme

from meshlib.testing.server import FaultServer, Mode


@pytest.fixture
def server():
    with FaultServer() as running:
        yield running


@pytest.fixture
def client():
    with httpx.Client(timeout=5, trust_env=False) as opened:
        yield opened


def test_ok_answers_and_keeps_the_connection(server, client):
    answers = [client.get(server.url, headers={"X-Request-Id": "a"}) for _ in range(3)]
    assert [answer.json() for answer in answers] == [{"served_by": server.address}] * 3
    assert (server.requests, server.connections, server.executions) == (3, 1, {"a": 3})


def test_a_request_arrives_whole_whether_its_body_has_a_length_or_chunks(server, client):
    client.post(f"{server.url}/a?b=c", content=b"x" * 200_000)
    client.put(server.url, content=iter([b"one", b"two" * 50_000]))
    first, second = server.received
    assert (first.method, first.target, first.body) == ("POST", "/a?b=c", b"x" * 200_000)
    assert (second.method, second.body) == ("PUT", b"one" + b"two" * 50_000)


def test_slow_waits_before_the_answer(server, client):
    server.mode = Mode.ok(delay=0.15)
    began = time.monotonic()
    assert client.get(server.url).status_code == 200
    assert time.monotonic() - began >= 0.15


def test_fail_answers_its_status_with_retry_after(server, client):
    server.mode = Mode.fail(503, retry_after=7)
    answer = client.get(server.url)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "7")
    server.mode = Mode.fail()
    assert client.get(server.url).status_code == 500
    assert "Retry-After" not in client.get(server.url).headers


def test_refuse_closes_the_port_resets_what_is_open_and_can_be_undone(server, client):
    client.get(server.url)
    server.mode = Mode.refuse()
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError, httpx.ConnectError)):
        client.get(server.url)  # on the connection that was open
    with pytest.raises(httpx.ConnectError):
        client.get(server.url)
    assert (server.requests, server.open_connections) == (1, 0)
    server.mode = Mode.ok()
    assert client.get(server.url).status_code == 200


def test_a_server_can_start_refusing(client):
    with FaultServer(mode=Mode.refuse()) as server:
        with pytest.raises(httpx.ConnectError):
            client.get(server.url)
        server.mode = Mode.ok()
        assert client.get(server.url).status_code == 200


def test_hang_executes_and_never_answers(server, client):
    server.mode = Mode.hang()
    with pytest.raises(httpx.ReadTimeout):
        client.post(server.url, headers={"X-Request-Id": "h"}, timeout=0.1)
    assert server.executions == {"h": 1}


def test_reset_executes_and_then_resets_without_a_byte(server, client):
    server.mode = Mode.reset()
    with pytest.raises(httpx.ReadError, match="reset"):
        client.post(server.url, headers={"X-Request-Id": "r"})
    assert server.executions == {"r": 1}


def test_reset_after_some_bytes_breaks_the_body(server, client):
    server.mode = Mode.reset(after=150).replace(body=b"b" * 1000)
    with client.stream("GET", server.url) as answer:
        assert answer.status_code == 200
        with pytest.raises(httpx.ReadError, match="reset"):
            answer.read()


def test_drip_head_takes_an_interval_per_byte_and_arrives_whole(server, client):
    server.mode = Mode.drip_head(interval=0.002)
    began = time.monotonic()
    assert client.get(server.url).json() == {"served_by": server.address}
    assert time.monotonic() - began >= 0.002 * 100  # the head is longer than 100 bytes


def test_drip_body_sends_the_head_at_once(server, client):
    server.mode = Mode.drip_body(interval=0.02).replace(body=b"0123456789")
    began = time.monotonic()
    with client.stream("GET", server.url) as answer:
        head = time.monotonic() - began
        assert answer.read() == b"0123456789"
    assert time.monotonic() - began >= 0.2 > head


def test_truncate_announces_more_than_it_sends(server, client):
    server.mode = Mode.truncate(missing=3)
    with pytest.raises(httpx.RemoteProtocolError, match=r"incomplete|without sending"):
        client.get(server.url)


def test_close_silently_says_nothing_and_closes(server, client):
    server.mode = Mode.close_silently()
    assert "Connection" not in client.get(server.url).headers
    deadline = time.monotonic() + 2
    while server.open_connections and time.monotonic() < deadline:
        time.sleep(0.001)
    assert server.open_connections == 0


def test_close_announced_says_so(server, client):
    server.mode = Mode.close_announced()
    assert client.get(server.url).headers["Connection"] == "close"
    client.get(server.url)
    assert server.connections == 2


def test_a_mode_may_be_chosen_for_each_request(server, client):
    server.mode = lambda request: Mode.fail(502) if server.requests == 0 else Mode.ok()
    assert [client.get(server.url).status_code for _ in range(3)] == [502, 200, 200]
    server.mode = lambda request: Mode.refuse()
    with pytest.raises(httpx.ReadError):
        client.get(server.url, headers={"X-Request-Id": "refused"})
    assert server.executions == {}


def test_a_mode_may_execute_nothing(server, client):
    server.mode = Mode.fail(503).replace(executes=False)
    client.post(server.url, headers={"X-Request-Id": "shed"})
    assert (server.requests, server.executions) == (1, {})


def test_head_and_204_carry_no_body(server, client):
    assert client.head(server.url).content == b""
    server.mode = Mode(status=204)
    assert client.get(server.url).status_code == 204
    assert server.connections == 1


def test_no_http_is_answered_400(server):
    import socket

    with socket.create_connection((server.host, server.port)) as sock:
        sock.sendall(b"HELLO\r\n\r\n")
        assert sock.recv(100).startswith(b"HTTP/1.1 400")


def test_tls_with_a_given_context():
    authority = trustme.CA()
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(serving)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with FaultServer(ssl=serving) as server, httpx.Client(verify=trusting, trust_env=False) as client:
        assert server.url.startswith("https://")
        assert client.get(server.url).status_code == 200
        server.mode = Mode.reset()
        with pytest.raises(httpx.TransportError):  # OpenSSL reports the reset as an end in violation of the protocol
            client.get(server.url)


def test_connections_accepted_while_the_server_stops_leave_no_socket_behind():
    """asyncio loses one that has no transport yet when its server is closed; the warning of a lost one fails a test."""
    for _ in range(5):
        with FaultServer() as server:
            clients = [socket.create_connection((server.host, server.port)) for _ in range(3)]
        for client in clients:
            client.close()
        gc.collect()
