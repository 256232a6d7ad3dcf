"""The lean way is left while anybody stands in the place of one of httpx's functions, and taken again afterwards."""

import contextlib
import functools
from unittest import mock

import httpcore
import httpcore2
import httpx
import pytest
import respx
import vcr
import wrapt
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor

import meshlib
from meshlib.lean.originals import METHODS
from meshlib.testing.server import FaultServer, Mode
from tests.ways import WAYS, each_way

httpx_ways = pytest.mark.parametrize("way", [w for w in WAYS if w.hx is httpx], ids=str)
CLIENT_METHODS = ("send", *METHODS)


@pytest.fixture
def server():
    with FaultServer() as running:
        yield running


@pytest.fixture
def url(server):
    return f"{server.url}/charge"


def client_class(way):
    return way.hx.Client if way.sync else way.hx.AsyncClient


def core_class(way, name):
    core = httpcore if way.hx is httpx else httpcore2
    return getattr(core, name if way.sync else f"Async{name}")


def entry(way):
    return "handle_request" if way.sync else "handle_async_request"


def transport_class(way):
    return way.hx.HTTPTransport if way.sync else way.hx.AsyncHTTPTransport


def wrapped(owner, name):
    """A function that calls the original and pretends to be it, as VCR.py's does."""
    original = getattr(owner, name)

    @functools.wraps(original)
    def patched(*args, **kwargs):
        return original(*args, **kwargs)

    return mock.patch.object(owner, name, patched)


@contextlib.contextmanager
def proxied(owner, name):
    """wrapt's proxy, which says it is the original: agents and instrumentations."""
    original = owner.__dict__[name]
    wrapt.wrap_function_wrapper(owner, name, lambda function, self, args, kwargs: function(*args, **kwargs))
    try:
        yield
    finally:
        setattr(owner, name, original)


async def there_and_back(client, url, taken, patch):
    """Lean, then not while `patch` holds, then lean again."""
    for wanted in (True, False, True):
        taken.clear()
        with contextlib.nullcontext() if wanted else patch:
            response = await client.get(url)
            assert response.status_code == 200
            assert meshlib.journal(response) is not None
        assert taken == [wanted]


@each_way
@pytest.mark.parametrize("name", CLIENT_METHODS)
@pytest.mark.parametrize("kind", [wrapped, proxied])
def test_a_patched_method_of_the_client_class(way, url, taken, name, kind):
    owner = next(c for c in client_class(way).__mro__ if name in vars(c))
    way.run(lambda client: there_and_back(client, url, taken, kind(owner, name)))


@each_way
@pytest.mark.parametrize("name", METHODS)
def test_a_patched_method_of_one_client(way, url, taken, name):
    async def scenario(client):
        calls = mock.Mock(side_effect=getattr(client.client, name))
        await there_and_back(client, url, taken, mock.patch.object(client.client, name, calls))
        assert calls.called

    way.run(scenario)


@each_way
@pytest.mark.parametrize("kind", [wrapped, proxied])
@pytest.mark.parametrize(
    "owner", [transport_class, *(lambda w, n=n: core_class(w, n) for n in ("ConnectionPool", "HTTPConnection"))]
)
def test_a_patched_wire(way, url, taken, owner, kind):
    way.run(lambda client: there_and_back(client, url, taken, kind(owner(way), entry(way))))


@each_way
def test_a_patched_transport_of_one_client(way, url, taken):
    async def scenario(client):
        transport = client.client._transport
        await there_and_back(client, url, taken, wrapped(transport, entry(way)))
        await there_and_back(client, url, taken, wrapped(transport._pool, entry(way)))

    way.run(scenario)


@each_way
def test_what_an_undone_patch_leaves_on_a_client_or_transport(way, url, taken):
    """`setattr(obj, name, original)` leaves a bound method, which is the class's own."""

    async def scenario(client):
        client.client._set_timeout = client.client._set_timeout
        setattr(client.client._transport, entry(way), getattr(client.client._transport, entry(way)))
        await there_and_back(client, url, taken, wrapped(client.client, "_send_handling_auth"))

    way.run(scenario)


@httpx_ways
def test_opentelemetrys_instrumentation(way, url, taken):
    @contextlib.contextmanager
    def instrumented(client=None):
        HTTPXClientInstrumentor.instrument_client(client) if client else HTTPXClientInstrumentor().instrument()
        try:
            yield
        finally:
            HTTPXClientInstrumentor.uninstrument_client(client) if client else HTTPXClientInstrumentor().uninstrument()

    async def scenario(client):
        await there_and_back(client, url, taken, instrumented())
        await there_and_back(client, url, taken, instrumented(client.client))

    way.run(scenario)


@httpx_ways
@pytest.mark.parametrize("using", ["httpcore", "httpx"])
def test_respx(way, url, taken, using):
    @contextlib.contextmanager
    def mocked():
        with respx.mock(using=using) as router:
            route = router.get(url).respond(200)
            yield
            assert route.called

    way.run(lambda client: there_and_back(client, url, taken, mocked()))


@httpx_ways
def test_pytest_httpx(way, url, taken, request):
    async def scenario(client):
        await client.get(url)
        httpx_mock = request.getfixturevalue("httpx_mock")
        httpx_mock.add_response(url=url, text="mocked")
        assert (await client.get(url)).text == "mocked"

    way.run(scenario)
    assert taken == [True, False]


@pytest.mark.parametrize("way", [w for w in WAYS if w.hx is not httpx], ids=str)
def test_pytest_httpx2(way, url, taken, request):
    async def scenario(client):
        await client.get(url)
        request.getfixturevalue("httpx2_mock").get(url).respond(text="mocked")
        assert (await client.get(url)).text == "mocked"

    way.run(scenario)
    assert taken == [True, False]


@httpx_ways
def test_vcr(way, url, server, taken, tmp_path):
    """Recorded in the first call and played in the second, both past the lean way."""

    async def scenario(client):
        for _ in range(2):
            with vcr.use_cassette(str(tmp_path / "cassette.yaml")):
                assert (await client.get(url)).status_code == 200
        await client.get(url)

    way.run(scenario)
    assert taken == [False, False, True]
    assert server.requests == 2


@each_way
def test_a_patch_that_comes_between_two_attempts_is_called(way, taken):
    """A retry looks again."""
    seen = []

    class Patch:
        name = "patch"

        async def handle(self, inner, attempt):
            if attempt.number == 2:
                transport = attempt.call.transport
                original = getattr(transport, entry(way))
                setattr(transport, entry(way), lambda request: (seen.append(request), original(request))[1])
                server.mode = Mode.ok()
            return await inner(attempt)

    with FaultServer(mode=Mode.fail(503)) as server:
        service = {"discovery": f"static://{server.address}", "retry": {"max_attempts": 2}}
        mesh = meshlib.Mesh({"payment-service": service}, layers=[(Patch(), "below", "retry")])

        async def scenario(client):
            assert (await client.get("http://payment-service/")).status_code == 200

        way.run(scenario, mesh=mesh)
    assert taken == [True]
    assert len(seen) == 1
