"""What a transport is told: unix socket, local address, retries, limits, versions; and transports of other kinds."""

from __future__ import annotations

import socket
import threading
from contextlib import ExitStack

import pytest

import meshlib
from tests.fidelity.conftest import left_to_the_collector
from tests.fidelity.differential import TRUST, clients, compare, told
from tests.fidelity.server import OK, Exchange, RawServer, always
from tests.ways import each_way


def stock_transport(way, **kw):
    return (way.hx.HTTPTransport if way.sync else way.hx.AsyncHTTPTransport)(verify=TRUST, **kw)


def in_a_stock_client(way, **kw):
    """The transports to compare, each in a stock client: httpx's own and the public one of meshlib."""
    return {
        "stock": lambda: way.stock(transport=stock_transport(way, **kw)),
        "ours": lambda: way.stock(transport=way.transport(mesh=meshlib.Mesh(), verify=TRUST, **kw)),
    }


async def twice(client, url, **kw):
    return [told(await client.outcome("get", url, **kw)) for _ in range(2)]


@each_way
def test_a_unix_socket(way, tmp_path):
    """Given to a transport of httpx's that is given to our client, and to our own transport."""
    with RawServer(uds=str(tmp_path / "s")) as server:
        url = "http://named.example/path"
        _, received = compare(
            way,
            lambda client: twice(client, url),
            server,
            kw=lambda: {"transport": stock_transport(way, uds=str(tmp_path / "s"))},
        )
        assert b"\r\nHost: named.example\r\n" in received[0]
        seen = {}
        for name, make in in_a_stock_client(way, uds=str(tmp_path / "s")).items():
            server.forget()
            seen[name] = way.use(make, lambda client: twice(client, url)), server.raw
        assert seen["ours"] == seen["stock"]
        assert len(seen["stock"][1]) == 2


@each_way
def test_a_local_address(way, server):
    """Every dial of a transport begins there."""

    async def scenario(client):
        await client.get(server.url)
        return [peer[0] for peer in server.peers]

    makers = {
        **{
            f"given to {name}": make
            for name, make in clients(
                way, lambda: {"transport": stock_transport(way, local_address="127.0.0.9")}
            ).items()
        },
        **in_a_stock_client(way, local_address="127.0.0.9"),
    }
    for name, make in makers.items():
        server.forget()
        assert way.use(make, scenario) == ["127.0.0.9"], name


@pytest.mark.realtime
@each_way
@pytest.mark.parametrize(("retries", "status"), [(0, None), (2, 200)])
def test_retries_of_the_transport_still_dial_again(way, retries, status):
    """httpcore's own: a dial that is refused is repeated at once, and then after half a second."""

    async def scenario(client):
        with socket.create_server(("127.0.0.1", 0)) as reserved:
            port = reserved.getsockname()[1]
        late = threading.Timer(0.2, lambda: servers.enter_context(RawServer(port=port)))
        late.start()
        outcome = await client.outcome("get", f"http://127.0.0.1:{port}/")
        late.join()
        return getattr(outcome, "status_code", None)

    for make in in_a_stock_client(way, retries=retries).values():
        with ExitStack() as servers:
            assert way.use(make, scenario) == status


@each_way
def test_limits_of_idle_connections(way, server):
    """Nothing is kept where nothing may be kept; and one connection is enough for one request after the other."""

    async def scenario(client):
        before = server.accepted
        for _ in range(3):
            await client.get(server.url)
        return server.accepted - before

    limits = way.hx.Limits(max_keepalive_connections=0)
    assert compare(way, scenario, kw=lambda: {"limits": limits})[0] == 3
    assert compare(way, scenario, kw=lambda: {"limits": way.hx.Limits()})[0] == 1
    assert compare(way, scenario, kw=lambda: {"limits": way.hx.Limits(keepalive_expiry=0.0)})[0] == 3


@each_way
def test_http1_and_http2_flags(way, server):
    """On plain text HTTP/1 is spoken wherever it may; HTTP/2 only where nothing else is allowed."""

    def answer(exchange: Exchange) -> None:
        exchange.closing = True
        exchange.send(OK)

    server.answer = answer

    async def scenario(client):
        return isinstance(await client.outcome("get", server.url), way.hx.Response)

    assert compare(way, scenario, server, kw=lambda: {"http2": True})[0]
    seen, received = compare(way, scenario, server, kw=lambda: {"http1": False, "http2": True})
    assert not seen
    assert received[0].startswith(b"PRI * HTTP/2.0\r\n\r\n")


@each_way
def test_a_transport_of_the_users_is_asked_with_his_request_and_its_answer_comes_back(way):
    hx = way.hx

    async def scenario(client):
        request = client.client.build_request("POST", "http://x.example/a?b", content=b"c", extensions={"mine": 1})
        response = await client.send(request)
        assert response.request is request
        return told(response), response.extensions["theirs"]

    def answer(request):
        shown = f"{request.method} {request.url} {request.extensions['mine']} {request.content!r}"
        return hx.Response(201, headers={"X": "y"}, text=shown, extensions={"theirs": 2})

    seen, _ = compare(way, scenario, kw=lambda: {"transport": hx.MockTransport(answer)})
    assert seen[0]["status"][1] == 201


@each_way
@pytest.mark.parametrize("error", [ZeroDivisionError("theirs"), "ReadTimeout", "UnsupportedProtocol"])
def test_what_a_transport_of_the_users_raises_comes_out(way, error):
    def fail(request):
        raise error if isinstance(error, Exception) else getattr(way.hx, error)("theirs", request=request)

    async def scenario(client):
        try:
            await client.post("http://x.example/")
        except Exception as exc:
            return told(exc)

    seen, _ = compare(way, scenario, kw=lambda: {"transport": way.hx.MockTransport(fail)})
    assert seen[1] == "theirs"


@left_to_the_collector
@pytest.mark.usefixtures("collected")
@each_way
def test_applications_without_a_server(way):
    """WSGITransport in blocking clients, ASGITransport in the others."""

    def wsgi(environ, start_response):
        start_response("202 Accepted", [("X-Path", environ["PATH_INFO"])])
        return [environ["wsgi.input"].read()]

    async def asgi(scope, receive, send):
        body = (await receive())["body"]
        await send({"type": "http.response.start", "status": 202, "headers": [(b"x-path", scope["path"].encode())]})
        await send({"type": "http.response.body", "body": body})

    def kw():
        return {"transport": way.hx.WSGITransport(wsgi) if way.sync else way.hx.ASGITransport(asgi)}

    async def scenario(client):
        return told(await client.post("http://x.example/path", content=b"body"))

    seen, _ = compare(way, scenario, kw=kw)
    assert (seen["status"][1], seen["content"]) == (202, b"body")


@each_way
def test_localhost_by_either_family(way):
    """httpx tries every address of a name; a server that listens on one of them only is reached."""
    with RawServer() as server:

        async def scenario(client):
            return (await client.get(f"http://localhost:{server.port}/")).status_code

        assert compare(way, scenario, server)[0] == 200


@each_way
def test_ipv6(way):
    if not socket.has_ipv6:
        pytest.fail("this machine has no IPv6")
    listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    port = listener.getsockname()[1]
    listener.close()

    async def scenario(client):
        return told(await client.outcome("get", f"http://[::1]:{port}/"))

    assert compare(way, scenario)[0][0] is way.hx.ConnectError


@each_way
def test_a_closed_client_says_so_in_the_same_words(way, server):
    async def scenario(client):
        await way.value(client.client.close() if way.sync else client.client.aclose())
        with pytest.raises(RuntimeError) as raised:
            await client.get(server.url)
        return str(raised.value)

    assert "closed" in compare(way, scenario)[0]


@each_way
def test_an_https_server_with_another_name_and_sni(way):
    """Certificate errors are httpx's; `sni_hostname` is what the server is asked for and is checked against."""
    import ssl

    import trustme

    ca = trustme.CA()
    context, asked = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), []
    ca.issue_cert("right.example").configure_cert(context)
    context.sni_callback = lambda connection, name, own: asked.append(name)
    trust = ssl.create_default_context()
    ca.configure_trust(trust)

    async def scenario(client):
        asked.clear()
        wrong = await client.outcome("get", server.url)
        right = await client.outcome("get", server.url, extensions={"sni_hostname": "right.example"})
        return told(wrong)[:2], told(right)["status"], list(asked)

    with RawServer(always(OK), tls=context) as server:
        seen, _ = compare(way, scenario, kw=lambda: {"verify": trust})
    assert seen[0][0] is way.hx.ConnectError
    assert seen[2] == [None, "right.example"]
