"""httpx's request and response extensions, its logs, and connections that are handed over to the caller."""

from __future__ import annotations

import logging
import socket

import pytest

from tests.fidelity.differential import clients, compare, told
from tests.fidelity.server import OK, Exchange, RawServer, always
from tests.ways import each_way


def each(way, scenario, **kw):
    """What each client's scenario returned."""
    return {name: way.use(make, scenario) for name, make in clients(way, lambda: kw).items()}


def traced(way, names):
    def sync(name, info):
        names.append((name, sorted(info)))

    async def later(name, info):
        names.append((name, sorted(info)))

    return {"trace": sync if way.sync else later}


@each_way
@pytest.mark.parametrize("kind", ["fresh and kept alive", "upload", "refused", "broken"])
def test_trace_events_are_those_of_stock(way, server, kind):
    """Names, order, and what each tells."""
    with RawServer() as closed:
        nobody = closed.url
    server.answer = always(
        OK if kind != "broken" else b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", close=kind == "broken"
    )

    async def scenario(client):
        names = []
        for _ in range(2):
            url = nobody if kind == "refused" else server.url
            body = {"content": b"x" * 200_000} if kind == "upload" else {}
            await client.outcome("post", url, extensions=traced(way, names), **body)
        return names

    seen = each(way, scenario)
    assert seen["stock"]
    assert seen["ours"] == seen["stock"]
    assert seen["wrapped"] == seen["stock"]


@each_way
def test_a_traced_request_between_plain_ones_uses_the_same_connection(way, server):
    async def scenario(client):
        names = []
        await client.get(server.url)
        await client.get(server.url, extensions=traced(way, names))
        await client.get(server.url)
        return [name for name, _ in names], server.accepted

    counted = {}
    before = 0
    for name, (names, accepted) in each(way, scenario).items():
        counted[name], before = (names, accepted - before), accepted
    assert counted["stock"][1] == 1
    assert counted["ours"] == counted["wrapped"] == counted["stock"]


@each_way
@pytest.mark.parametrize("extensions", [{"target": b"*"}, {"target": b"http://other.example/x?y"}, {"mine": object()}])
def test_request_extensions(way, server, extensions):
    async def scenario(client):
        return told(await client.outcome("get", f"{server.url}/path", extensions=extensions))

    _, received = compare(way, scenario, server)
    assert received[0].split(b" ")[1] == extensions.get("target", b"/path")


@each_way
def test_response_extensions(way, server):
    async def scenario(client):
        async with client.stream("GET", server.url) as response:
            stream = response.extensions["network_stream"]
            peer, own = (stream.get_extra_info(name) for name in ("server_addr", "client_addr"))
            found = [stream.get_extra_info("ssl_object"), type(stream.get_extra_info("socket")).__name__]
            found += [peer, own[0], stream.get_extra_info("no such thing")]
            await client.read(response)
            return (
                found,
                response.http_version,
                response.extensions["http_version"],
                response.extensions["reason_phrase"],
            )

    seen, _ = compare(way, scenario)
    assert seen[0][2] == ("127.0.0.1", server.port)


def echo(exchange: Exchange) -> None:
    """Switches protocols and sends back what comes, in capitals."""
    exchange.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nwelcome")
    while data := exchange.receive():
        exchange.send(data.upper())
    exchange.closing = True


@each_way
def test_an_upgraded_connection_is_the_callers(way, server):
    """As websockets on httpx do it: 101, then bytes both ways on `network_stream`, what came with the head first."""

    async def scenario(client):
        server.answer = echo
        headers = {"Connection": "Upgrade", "Upgrade": "echo"}
        async with client.stream("GET", server.url, headers=headers) as response:
            stream = response.extensions["network_stream"]
            said = [response.status_code, await read(way, stream, b"welcome")]
            for word in (b"one", b"two"):
                await way.value(stream.write(word, timeout=5))
                said.append(await read(way, stream, word.upper()))
        server.answer = always(OK)
        return [*said, (await client.get(server.url)).status_code]

    seen, received = compare(way, scenario, server)
    assert seen == [101, b"welcome", b"ONE", b"TWO", 200]
    assert received[0].endswith(b"\r\n\r\nonetwo")


async def read(way, stream, expected):
    data = b""
    while len(data) < len(expected):
        more = await way.value(stream.read(1000, timeout=5))
        if not more:
            break
        data += more
    return data


@each_way
def test_a_tunnel_of_connect_is_the_callers(way, server):
    def answer(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        while data := exchange.receive():
            exchange.send(data.upper())
        exchange.closing = True

    server.answer = answer

    async def scenario(client):
        extensions = {"target": b"far.example:443"}
        async with client.stream("CONNECT", server.url, extensions=extensions) as response:
            stream = response.extensions["network_stream"]
            await way.value(stream.write(b"hello", timeout=5))
            return response.status_code, await read(way, stream, b"HELLO")

    seen, received = compare(way, scenario, server)
    assert seen == (200, b"HELLO")
    assert received[0].startswith(b"CONNECT far.example:443 HTTP/1.1\r\n")


@each_way
def test_httpcores_debug_log_is_complete(way, server, caplog):
    """Whoever switches it on to see what happens on the wire sees it."""
    core = "httpcore" if way.hx.__name__ == "httpx" else "httpcore2"

    async def scenario(client):
        caplog.clear()
        with caplog.at_level(logging.DEBUG, logger=core):
            for _ in range(2):
                await client.get(server.url)
            return [r.getMessage().split(" ")[0] for r in caplog.records if r.name.startswith(core)]

    seen = each(way, scenario)
    assert len(seen["stock"]) > 10
    assert seen["ours"] == seen["stock"]
    assert seen["wrapped"] == seen["stock"]


@each_way
def test_httpxs_info_log_has_one_line_per_request(way, server, caplog):
    name = way.hx.__name__

    async def scenario(client):
        caplog.clear()
        with caplog.at_level(logging.INFO, logger=name):
            await client.get(server.url)
            await client.post(server.url, content=b"x")
            return [r.getMessage() for r in caplog.records if r.name == name]

    seen = each(way, scenario)
    assert len(seen["stock"]) == 2
    assert seen["ours"] == seen["stock"]
    assert seen["wrapped"] == seen["stock"]


@each_way
def test_socket_options_are_set(way, server):
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), (socket.SOL_SOCKET, socket.SO_RCVBUF, 40_000)]
    transport = way.hx.HTTPTransport if way.sync else way.hx.AsyncHTTPTransport

    async def scenario(client):
        async with client.stream("GET", server.url) as response:
            sock = response.extensions["network_stream"].get_extra_info("socket")
            names = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE), (socket.SOL_SOCKET, socket.SO_RCVBUF)]
            found = [sock.getsockopt(*name) for name in [*names, (socket.IPPROTO_TCP, socket.TCP_NODELAY)]]
            await client.read(response)
            return [bool(found[0]), found[1], bool(found[2])]

    seen, _ = compare(way, scenario, kw=lambda: {"transport": transport(socket_options=options)})
    assert seen == [True, 80_000, True]
