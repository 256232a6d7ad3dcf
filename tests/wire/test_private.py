"""Canaries: each private name of httpx and httpcore that meshlib relies on still is what meshlib takes it for.

When a release of theirs moves one, this file fails first and says which.
"""

import inspect
import re
from types import SimpleNamespace

import httpcore
import httpcore2
import httpx
import httpx2
import pytest

from meshlib.body import Body
from meshlib.library import httpx2_library, httpx_library
from meshlib.wire import private

LIBRARIES = [httpx_library(), httpx2_library()]
each_library = pytest.mark.parametrize("library", LIBRARIES, ids=lambda lib: lib.hx.__name__)


def clients(library):
    return library.hx.Client, library.hx.AsyncClient


def kinds(library):
    """(client, transport, name of its method, pool) of both kinds."""
    hx, core = library.hx, library.core
    return (
        (hx.Client, hx.HTTPTransport, "handle_request", core.ConnectionPool),
        (hx.AsyncClient, hx.AsyncHTTPTransport, "handle_async_request", core.AsyncConnectionPool),
    )


def parameters(function):
    return list(inspect.signature(function).parameters)[1:]


@each_library
def test_send_single_request_is_the_one_way_of_a_hop(library):
    for client, _, method, _ in kinds(library):
        assert parameters(client._send_single_request) == ["request"]
        assert "self._send_single_request(request)" in inspect.getsource(client._send_handling_redirects)
        body = inspect.getsource(client._send_single_request)
        assert body.count("self._transport_for_url(request.url)") == 1
        assert body.count(f"transport.{method}(request)") == 1


@each_library
def test_send_single_request_runs_once_per_hop(library):
    hops = []

    class Spy(library.hx.Client):
        def _send_single_request(self, request):
            hops.append(request.url.path)
            return super()._send_single_request(request)

    def answer(request):
        return library.hx.Response(302 if request.url.path == "/a" else 200, headers={"location": "/b"})

    with Spy(transport=library.hx.MockTransport(answer), follow_redirects=True) as client:
        client.get("http://x/a")
    assert hops == ["/a", "/b"]


@each_library
def test_init_transport_and_init_proxy_transport_make_the_transports(library):
    common = ["verify", "cert", "trust_env", "http1", "http2", "limits"]
    for client, _, _, _ in kinds(library):
        assert set(parameters(client._init_transport)) == {*common, "transport"}
        assert set(parameters(client._init_proxy_transport)) == {*common, "proxy"}
    made = []

    class Spy(library.hx.Client):
        def _init_transport(self, **kw):
            made.append(("own", kw["transport"]))
            return super()._init_transport(**kw)

        def _init_proxy_transport(self, proxy, **kw):
            made.append(("proxy", str(proxy.url)))
            return super()._init_proxy_transport(proxy, **kw)

    Spy(proxy="http://127.0.0.1:1", trust_env=False).close()
    assert made == [("own", None), ("proxy", "http://127.0.0.1:1")]


@each_library
def test_transport_for_url_takes_a_url_and_knows_mounts(library):
    for client in clients(library):
        assert parameters(client._transport_for_url) == ["url"]
    mount = library.hx.MockTransport(lambda request: library.hx.Response(200))
    with library.hx.Client(mounts={"http://a": mount, "http://b": None}, trust_env=False) as client:
        assert client._transport_for_url(library.hx.URL("http://a/")) is mount
        assert client._transport_for_url(library.hx.URL("http://b/")) is private.own_transport(client)
        assert set(private.mounts(client).values()) == {None, mount}


@each_library
def test_a_client_keeps_its_transport_and_says_whether_it_is_closed(library):
    for client, transport, _, _ in kinds(library):
        made = client(trust_env=False)
        assert type(private.own_transport(made)) is transport
        assert private.mounts(made) == {}
        assert private.is_closed(made) is False


@each_library
def test_a_transport_keeps_its_pool_where_it_can_be_replaced(library):
    for _, transport, method, pool in kinds(library):
        made = transport()
        assert type(private.pool_of(made)) is pool
        assert method in vars(transport)
        assert method in vars(pool)
        other = pool()
        private.set_pool(made, other)
        assert f"self._pool.{method}(" in inspect.getsource(getattr(transport, method))
        assert private.pool_of(made) is other
    assert private.pool_of(library.hx.MockTransport(lambda request: None)) is None


@each_library
def test_a_pool_can_be_made_again_from_its_settings(library):
    for pool, backend in (
        (library.core.ConnectionPool, library.core.NetworkBackend()),
        (library.core.AsyncConnectionPool, library.core.AsyncNetworkBackend()),
    ):
        odd = {
            "ssl_context": library.hx.create_ssl_context(),
            "max_connections": 3,
            "max_keepalive_connections": 2,
            "keepalive_expiry": 1.25,
            "http1": False,
            "http2": True,
            "retries": 4,
            "local_address": "127.0.0.9",
            "uds": "/nowhere",
            "socket_options": [(1, 2, 3)],
            "network_backend": backend,
        }
        assert private.pool_settings(pool(**odd)) == odd
        known = set(inspect.signature(pool).parameters) - {"proxy"}
        assert known == set(private.POOL_SETTINGS), "the pool has an argument that a routed client would lose"


@each_library
def test_proxy_pools_are_told_from_others(library):
    hx = library.hx
    for transport in (hx.HTTPTransport, hx.AsyncHTTPTransport):
        for proxy in ("http://127.0.0.1:1", "socks5://127.0.0.1:1"):
            assert private.is_proxy(transport(proxy=hx.Proxy(proxy)), library)
        assert not private.is_proxy(transport(), library)


@each_library
def test_backends_are_called_with_these_names(library):
    for backend in (library.core.NetworkBackend, library.core.AsyncNetworkBackend):
        names = ["host", "port", "timeout", "local_address", "socket_options"]
        assert parameters(backend.connect_tcp) == names
        assert parameters(backend.connect_unix_socket) == ["path", "timeout", "socket_options"]
    for stream in (library.core.NetworkStream, library.core.AsyncNetworkStream):
        assert parameters(stream.start_tls) == ["ssl_context", "server_hostname", "timeout"]
        assert parameters(stream.read) == ["max_bytes", "timeout"]
        assert parameters(stream.write) == ["buffer", "timeout"]


@each_library
def test_what_a_connection_tells_about_its_socket(library):
    """`server_addr`, `is_readable` and `ssl_object` are documented names of `get_extra_info`."""
    module = {"httpcore": httpcore._backends.sync, "httpcore2": httpcore2._backends.sync}[library.core.__name__]
    text = inspect.getsource(module)
    for name in ("server_addr", "is_readable", "ssl_object"):
        assert f'"{name}"' in text


@each_library
def test_a_write_error_is_kept_back_by_httpcore_and_a_read_error_is_not(library):
    """Why a connection found dead before the first byte is reported as ReadError."""
    module = {"httpcore": httpcore._sync.http11, "httpcore2": httpcore2._sync.http11}[library.core.__name__]
    source = inspect.getsource(module.HTTP11Connection.handle_request)
    assert re.search(r"except WriteError:.*?pass", source, re.DOTALL)
    assert "except ReadError" not in source


@each_library
def test_a_request_keeps_its_content_once_it_is_known(library):
    read = library.hx.Request("POST", "http://x/", content=b"abc")
    streamed = library.hx.Request("POST", "http://x/", content=iter([b"abc"]))
    assert hasattr(read, "_content")
    assert not hasattr(streamed, "_content")


@each_library
def test_streams_of_iterables_keep_what_they_were_made_of(library):
    content = {"httpx": httpx._content, "httpx2": httpx2._content}[library.hx.__name__]
    for name in ("IteratorByteStream", "AsyncIteratorByteStream"):
        source = SimpleNamespace()
        assert getattr(content, name)(source)._stream is source
    assert Body.of(library.hx.Request("POST", "http://x/", content=b"x"), library, 10) is None


@each_library
def test_every_method_that_a_mock_may_stand_in_for_exists(library):
    assert all(map(callable, private._patched_methods(library.hx, library.core)))
    assert private.mocker_of(library) is None


@each_library
def test_names_of_httpcore_errors_are_those_of_httpx(library):
    """A body's error is told to the layers under httpx's class of the same name."""
    for name in ("ReadError", "ReadTimeout", "RemoteProtocolError", "LocalProtocolError", "WriteError"):
        assert issubclass(getattr(library.hx, name), library.hx.TransportError)
        assert issubclass(getattr(library.core, name), Exception)


@each_library
def test_a_pool_of_httpcore_dials_with_the_backends_that_ours_replace(library):
    """Another default would be dialled with as it is, without our streams."""
    for pool in (library.core.ConnectionPool, library.core.AsyncConnectionPool):
        backend = private.pool_settings(pool())["network_backend"]
        assert private.is_default_backend(backend, library.core)
    assert not private.is_default_backend(library.core.AnyIOBackend(), library.core)


@each_library
def test_the_content_codings_that_httpx_undoes(library):
    """Another coding would need a decoder of ours in wire/pieces.py."""
    assert sorted(private.decoded_codings(library.hx)) == ["br", "deflate", "gzip", "identity", "zstd"]
    source = inspect.getsource(library.hx.Response._get_content_decoder)
    assert 'self.headers.get_list("content-encoding", split_commas=True)' in source
    assert "value.strip().lower()" in source
