"""Proxies are httpx's business: which one is chosen, what it is sent, and what its refusal looks like."""

from __future__ import annotations

import ssl
import threading
from socket import create_server

import pytest
import trustme

from tests.fidelity.differential import compare, told
from tests.fidelity.server import RawServer, always, tunnel
from tests.ways import each_way


@pytest.fixture(scope="module")
def certificates():
    """A server's context, and the one of whoever trusts it."""
    ca = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    ca.issue_cert("127.0.0.1", "far.example").configure_cert(server)
    ca.configure_trust(client)
    return server, client


@pytest.fixture
def proxy():
    with RawServer() as running:
        yield running


async def twice(client, url, **kw):
    return [told(await client.outcome("post", url, content=b"body", **kw)) for _ in range(2)]


@each_way
def test_a_proxy_is_sent_absolute_urls(way, proxy):
    _, received = compare(
        way,
        lambda client: twice(client, "http://far.example/path?q"),
        proxy,
        kw=lambda: {"proxy": way.hx.Proxy(proxy.url, auth=("user", "pass"), headers={"X-Proxy": "1"})},
    )
    assert len(received) == 2
    assert received[0].startswith(b"POST http://far.example/path?q HTTP/1.1\r\n")
    assert b"\r\nProxy-Authorization: Basic dXNlcjpwYXNz\r\n" in received[0]


@each_way
@pytest.mark.parametrize("name", ["HTTP_PROXY", "ALL_PROXY", "http_proxy"])
def test_a_proxy_of_the_environment(way, proxy, server, name, monkeypatch):
    monkeypatch.setenv(name, proxy.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,near.example")

    async def scenario(client):
        return [await twice(client, url) for url in ("http://far.example/", server.url)]

    compare(way, scenario, proxy, server, kw=lambda: {"trust_env": True})
    assert (len(proxy.raw), len(server.raw)) == (2, 2)


@each_way
def test_an_https_request_goes_through_a_tunnel(way, proxy, certificates):
    """CONNECT first, then TLS with the far server inside, whose certificate is checked."""
    with RawServer(tls=certificates[0]) as far:
        proxy.answer = lambda exchange: tunnel(exchange, ("127.0.0.1", far.port))
        _, received = compare(
            way,
            lambda client: twice(client, "https://far.example/path"),
            far,
            proxy,
            kw=lambda: {"proxy": proxy.url, "verify": certificates[1]},
        )
        assert len(received) == 2
        assert proxy.raw[0].startswith(b"CONNECT far.example:443 HTTP/1.1\r\n")
        assert len(proxy.raw) == 1


@each_way
def test_a_tunnel_that_the_proxy_refuses(way, proxy, certificates):
    proxy.answer = always(b"HTTP/1.1 403 Not For You\r\nContent-Length: 0\r\n\r\n")
    seen, received = compare(
        way,
        lambda client: twice(client, "https://far.example/"),
        proxy,
        kw=lambda: {"proxy": proxy.url, "verify": certificates[1]},
    )
    assert seen[0][:2] == (way.hx.ProxyError, "403 Not For You")
    assert len(received) == 2


@each_way
def test_a_proxy_where_nobody_listens(way):
    with RawServer() as closed:
        url = closed.url
    seen, _ = compare(way, lambda client: twice(client, "http://far.example/"), kw=lambda: {"proxy": url})
    assert seen[0][0] is way.hx.ConnectError


@each_way
def test_mounts(way, proxy, server):
    """By scheme, host and port; None means the client's own transport."""
    transport = way.hx.HTTPTransport if way.sync else way.hx.AsyncHTTPTransport

    def kw():
        return {
            "mounts": {
                "http://": transport(proxy=proxy.url),
                "http://127.0.0.1": None,
                "all://mocked.example": way.hx.MockTransport(lambda request: way.hx.Response(207)),
            }
        }

    async def scenario(client):
        urls = ("http://far.example/", server.url, "http://mocked.example/")
        return [await twice(client, url) for url in urls]

    seen, _ = compare(way, scenario, proxy, server, kw=kw)
    assert (len(proxy.raw), len(server.raw)) == (2, 2)
    assert seen[2][0]["status"][1] == 207


@each_way
def test_a_socks_proxy(way, server):
    """The greeting and the request for the far host, as SOCKS5 has them; then HTTP."""
    asked = []

    def serve(listener):
        for _ in range(3):
            connection, _ = listener.accept()
            with connection:
                connection.recv(100)
                connection.sendall(b"\x05\x00")
                asked.append(connection.recv(100))
                connection.sendall(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")

    async def scenario(client):
        return told(await client.get("http://far.example/"))

    with create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        url = f"socks5://127.0.0.1:{listener.getsockname()[1]}"
        seen, _ = compare(way, scenario, kw=lambda: {"proxy": url})
        thread.join(5)
    assert seen["content"] == b"ok"
    assert asked == [b"\x05\x01\x00\x03\x0bfar.example\x00P"] * 3
