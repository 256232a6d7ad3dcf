"""What HTTP/1.1 allows beyond the plain exchange is dealt with as httpx deals with it."""

from __future__ import annotations

import pytest

from tests.fidelity.conftest import left_to_the_collector
from tests.fidelity.differential import clients, compare, told
from tests.fidelity.server import OK, Exchange, RawServer, always
from tests.ways import each_way


async def twice(client, url, method="GET", **kw):
    """Two requests, so that what the first leaves on the connection shows in the second."""
    return [told(await outcome(client, method, url, **kw)) for _ in range(2)]


async def outcome(client, method, url, **kw):
    try:
        return await client.way.value(client.client.request(method, url, **kw))
    except Exception as exc:
        return exc


HEADS = {
    "no body after HEAD": ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", False),
    "HEAD, chunked": ("HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", False),
    "204": ("DELETE", b"HTTP/1.1 204 No Content\r\n\r\n", False),
    "204 with a length": ("GET", b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", False),
    "304 with a length": ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\nETag: x\r\n\r\n", False),
    "205": ("POST", b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n", False),
    "closed after it": ("GET", OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), True),
    "HTTP/1.0": ("GET", b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", True),
    "HTTP/1.0, kept alive": (
        "GET",
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
        True,
    ),
    "body until the end": ("GET", b"HTTP/1.1 200 OK\r\n\r\nuntil the end", True),
    "100 first": ("GET", b"HTTP/1.1 100 Continue\r\n\r\n" + OK, False),
    "102 and 103 first": ("GET", b"HTTP/1.1 102 P\r\nA: 1\r\n\r\nHTTP/1.1 103 E\r\nB: 2\r\n\r\n" + OK, False),
    "lower case": ("GET", b"HTTP/1.1 200 ok\r\ncontent-length: 2\r\nx: y\r\n\r\nok", False),
    "line feeds only": ("GET", b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", False),
    "folded": ("GET", b"HTTP/1.1 200 OK\r\nX: a\r\n  b\r\nContent-Length: 2\r\n\r\nok", False),
    "the same length twice": ("GET", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", False),
    "many headers": ("GET", b"HTTP/1.1 200 OK\r\n" + b"X-N: v\r\n" * 2000 + b"Content-Length: 2\r\n\r\nok", False),
    "trailers": ("GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n", False),
}
BROKEN = {
    "no HTTP": (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", True),
    "an empty line first": (b"\r\n" + OK, True),
    "half a head": (b"HTTP/1.1 200 OK\r\nContent-", True),
    "half a body": (b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf", True),
    "half a chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf", True),
    "a chunk size of letters": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", True),
    "two lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk", True),
    "a length of letters": (b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nok", True),
    "a space in a name": (b"HTTP/1.1 200 OK\r\nX Y: 1\r\nContent-Length: 2\r\n\r\nok", True),
    "a head without end": (b"HTTP/1.1 200 OK\r\n" + b"X: " + b"x" * 200_000, True),
    "a broken coding": (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok", False),
}


@each_way
@pytest.mark.parametrize("case", HEADS)
def test_answers(way, server, case):
    method, data, close = HEADS[case]
    server.answer = always(data, close=close)
    seen, received = compare(way, lambda client: twice(client, server.url, method), server)
    assert isinstance(seen[0], dict), seen
    assert len(received) == 2


@left_to_the_collector
@pytest.mark.usefixtures("collected")
@each_way
@pytest.mark.parametrize("case", BROKEN)
def test_broken_answers(way, server, case):
    """A POST, for what went wrong after it was sent is not tried again by anybody."""
    data, close = BROKEN[case]
    server.answer = always(data, close=close)
    seen, received = compare(way, lambda client: twice(client, server.url, "POST"), server)
    assert isinstance(seen[0], tuple), seen
    assert len(received) == 2


@each_way
def test_expect_100_continue(way, server):
    """httpx does not wait for the 100, and is not confused by it."""

    def answer(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        exchange.body()
        exchange.send(OK)

    server.answer = answer
    seen, received = compare(
        way,
        lambda client: twice(client, server.url, "PUT", content=b"b" * 100_000, headers={"Expect": "100-continue"}),
        server,
    )
    assert [one["content"] for one in seen] == [b"ok", b"ok"]
    assert b"Expect: 100-continue" in received[0]


@left_to_the_collector
@pytest.mark.usefixtures("collected")
@each_way
@pytest.mark.parametrize("how", ["bytes", "iterator"])
def test_an_answer_that_comes_before_a_big_upload_was_read(way, server, how):
    """The server says 413 and reads on no further; what it said reaches the caller."""

    def answer(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig")
        try:
            while exchange.receive():
                pass
        except OSError:
            pass
        exchange.closing = True

    def chunks():
        for _ in range(200):
            yield b"c" * 50_000

    async def chunks_later():
        for chunk in chunks():
            yield chunk

    server.answer = answer
    size = 10_000_000

    async def upload(client):
        content = b"c" * size if how == "bytes" else (chunks() if way.sync else chunks_later())
        return told(await outcome(client, "POST", server.url, content=content))

    seen = {}
    for name, make in clients(way, dict).items():
        seen[name] = way.use(make, upload)
    assert seen["stock"]["status"] == ("HTTP/1.1", 413, "Too Large")
    assert seen["ours"] == seen["wrapped"] == seen["stock"]


@left_to_the_collector
@pytest.mark.usefixtures("collected")
@each_way
def test_a_connection_that_is_closed_in_the_middle_of_a_big_upload(way, server):
    """The server answers, and resets at once: httpx reads the answer that was on its way already."""

    def answer(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig")
        exchange.closing = True

    server.answer = answer

    async def upload(client):
        return type(await outcome(client, "POST", server.url, content=b"c" * 10_000_000)).__name__

    seen = {name: way.use(make, upload) for name, make in clients(way, dict).items()}
    assert set(seen.values()) <= {"Response", "ReadError", "WriteError"}


@each_way
def test_a_redirect_with_a_body_that_can_be_sent_once(way, server):
    server.answer = always(b"HTTP/1.1 307 T\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n")

    def once():
        yield b"once"

    async def once_later():
        yield b"once"

    async def scenario(client):
        content = once() if way.sync else once_later()
        try:
            await client.post(server.url, content=content, follow_redirects=True)
        except Exception as exc:
            return type(exc), str(exc)

    seen = {}
    for name, make in clients(way, dict).items():
        seen[name] = way.use(make, scenario)
    assert seen["stock"][0] is way.hx.StreamConsumed
    assert seen["ours"] == seen["wrapped"] == seen["stock"]


@left_to_the_collector
@pytest.mark.usefixtures("collected")
@each_way
def test_a_body_that_is_shorter_or_longer_than_announced(way, server):
    async def scenario(client):
        return [
            type(
                await outcome(client, "POST", server.url, content=b"four", headers={"Content-Length": length})
            ).__name__
            for length in ("3", "9")
        ]

    assert compare(way, scenario)[0] == ["LocalProtocolError"] * 2  # in stock h11's own, which httpx forgot


@each_way
@pytest.mark.parametrize("name", ["x:y", "x y", "x\n"])
def test_headers_that_must_not_be_sent_are_refused_with_the_same_class(way, server, name):
    """Ours is a subclass that names the field."""

    async def scenario(client):
        return isinstance(await outcome(client, "GET", server.url, headers={name: "v"}), way.hx.LocalProtocolError)

    assert compare(way, scenario, server) == (True, [])


@each_way
@pytest.mark.parametrize("url", ["ftp://x.example/", "//x.example/", "http:///x", "/x"])
def test_urls_that_cannot_be_sent(way, url):
    async def scenario(client):
        return told(await outcome(client, "GET", url))

    seen, _ = compare(way, scenario)
    assert issubclass(seen[0], way.hx.TransportError)


@each_way
def test_nothing_listens(way):
    with RawServer() as closed:
        url = closed.url

    async def scenario(client):
        return told(await outcome(client, "GET", url))

    seen, _ = compare(way, scenario)
    assert seen[0] is way.hx.ConnectError


@pytest.mark.realtime
@each_way
@pytest.mark.parametrize("name", ["read", "pool"])
def test_httpxs_own_timeouts(way, server, name):
    """Each ends its phase with its class."""

    async def scenario(client):
        timeout = way.hx.Timeout(10.0, **{name: 0.1})
        if name == "pool":
            async with client.stream("GET", server.url, timeout=10):
                return type(await outcome(client, "GET", server.url, timeout=timeout))
        return type(await outcome(client, "GET", server.url, timeout=timeout))

    if name == "read":
        server.answer = lambda exchange: exchange.connection.recv(1)
        seen, _ = compare(way, scenario)
        assert seen is way.hx.ReadTimeout
    elif name == "pool":
        server.answer = always(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
        seen, _ = compare(way, scenario, kw=lambda: {"limits": way.hx.Limits(max_connections=1)})
        assert seen is way.hx.PoolTimeout
