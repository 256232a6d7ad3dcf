"""Wrong requests: each its clear error before any request, and no header's value in it."""

import h2.config
import h2.connection
import h2.events
import pytest

import meshlib
from meshlib.testing.server import FaultServer
from tests.ways import each_way

URL = "http://payment-service/"


@pytest.fixture
def server():
    with FaultServer() as running:
        yield running


@pytest.fixture
def mesh(server):
    return meshlib.Mesh({"payment-service": {"discovery": f"static://{server.address}"}})


WRONG_HEADERS = {
    "a value with a line's end": ({"X-Key": "sec\r\nret: 1"}, r"header 'X-Key' has a control character in its value"),
    "a value with a zero": ({"X-Key": "sec\x00ret"}, r"header 'X-Key' has a control character in its value"),
    "a value with DEL": ({"X-Key": "sec\x7fret"}, r"header 'X-Key' has a control character in its value"),
    "an empty name": ({"": "secret"}, r"header name '' is not a token"),
    "a name with a blank": ({"X Key": "secret"}, r"header name 'X Key' is not a token"),
    "a name with a line's end": ({"X\nKey": "secret"}, r"header name 'X\\nKey' is not a token"),
    "a name with a colon": ({"X:Key": "secret"}, r"header name 'X:Key' is not a token"),
}


@each_way
@pytest.mark.parametrize(("headers", "told"), WRONG_HEADERS.values(), ids=WRONG_HEADERS)
@pytest.mark.parametrize("http2", [False, True], ids=["http1", "http2"])
def test_a_wrong_header_is_refused_and_its_value_not_shown(way, server, mesh, headers, told, http2):
    async def scenario(client):
        for url in (URL, server.url):
            with pytest.raises(meshlib.RequestRefused, match=told) as raised:
                await client.get(url, headers=headers)
            exc = raised.value
            assert isinstance(exc, way.hx.LocalProtocolError)
            assert "ret" not in str(exc)
            assert (exc.flag, exc.layer, exc.request.url) == ("DI", "call", url)
            assert meshlib.journal(exc).hops[0].url.startswith(url)

    way.run(scenario, mesh=mesh, http2=http2)
    assert server.requests == 0
    assert server.connections == 0


@each_way
@pytest.mark.parametrize(
    ("url", "extensions", "kind", "told"),
    [
        ("http://payment-service:99999/", {}, "LocalProtocolError", r"port 99999 of the URL is not in 1..65535"),
        ("http://payment-service:0/", {}, "LocalProtocolError", r"port 0 of the URL is not in 1..65535"),
        ("file://host/etc/passwd", {}, "UnsupportedProtocol", r"unsupported protocol 'file://'"),
        ("ftp://payment-service/", {}, "UnsupportedProtocol", r"unsupported protocol 'ftp://'"),
        ("/charge", {}, "UnsupportedProtocol", r"missing an 'http://' or 'https://' protocol"),
        (URL, {"target": b"/a HTTP/1.1\r\nX: y"}, "LocalProtocolError", r"extensions\['target'\] has a control"),
    ],
    ids=["port 99999", "port 0", "file", "a service by ftp", "no host", "target"],
)
def test_a_wrong_url_is_refused(way, server, mesh, url, extensions, kind, told):
    async def scenario(client):
        with pytest.raises(getattr(way.hx, kind), match=told):
            await client.get(url, extensions=extensions)

    way.run(scenario, mesh=mesh)
    assert server.connections == 0


@each_way
@pytest.mark.parametrize("method", ["GET / HTTP/1.1\r\nX: y", "", "GÉT"])
def test_a_wrong_method_is_refused(way, server, mesh, method):
    async def scenario(client):
        request = client.client.build_request(method, URL)
        with pytest.raises(meshlib.RequestRefused, match=r"method .* is not a token"):
            await client.send(request)

    way.run(scenario, mesh=mesh)
    assert server.connections == 0


class Adds:
    """A user's layer that puts a header in."""

    name = "adds"

    async def handle(self, inner, call):
        call.request.headers["X-Tenant"] = "a\r\nb"
        return await inner(call)


@each_way
@pytest.mark.parametrize("place", [("above", "retry"), ("below", "breaker")], ids="-".join)
def test_a_header_of_a_users_layer_is_checked_too(way, server, place):
    service = {"discovery": f"static://{server.address}"}
    mesh = meshlib.Mesh({"payment-service": service}, layers=[(Adds(), *place)])

    async def scenario(client):
        with pytest.raises(meshlib.RequestRefused, match="'X-Tenant' has a control character"):
            await client.get(URL)

    way.run(scenario, mesh=mesh)
    assert server.connections == 0


@each_way
def test_what_is_allowed_passes(way, server, mesh):
    headers = {"X-Tab": "a\tb", "X-Latin": "é".encode("latin-1"), "x!#$%&'*+-.^_`|~0": "all", "X-Empty": ""}

    async def scenario(client):
        assert (await client.get(URL, headers=headers)).status_code == 200

    way.run(scenario, mesh=mesh)
    assert server.received[0].headers["x-tab"] == "a\tb"


def test_without_this_check_http2_would_send_it_on():
    """What the check is for: h2 with httpcore's configuration does not refuse a line's end in a value."""
    config = h2.config.H2Configuration(validate_inbound_headers=False)
    connection = h2.connection.H2Connection(config)
    connection.initiate_connection()
    pseudo = [(b":method", b"GET"), (b":authority", b"a"), (b":scheme", b"https"), (b":path", b"/")]
    connection.send_headers(1, [*pseudo, (b"x", b"a\r\nb: c")])
    assert connection.data_to_send()
