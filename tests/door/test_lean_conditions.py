"""Which clients and which requests go the lean way."""

import pytest

import meshlib
from meshlib.lean.originals import METHODS
from meshlib.testing.server import FaultServer
from tests.ways import each_way


@pytest.fixture
def server():
    with FaultServer() as running:
        yield running


@pytest.fixture
def url(server):
    return f"{server.url}/charge"


def client_class(way):
    return way.hx.Client if way.sync else way.hx.AsyncClient


def transport_class(way):
    return way.hx.HTTPTransport if way.sync else way.hx.AsyncHTTPTransport


@each_way
def test_meshlib_switched_off_is_httpx_itself(way, url, taken):
    async def scenario(client):
        with meshlib.testing.disable():
            assert meshlib.journal(await client.get(url)) is None

    way.run(scenario)
    assert taken == []


@each_way
@pytest.mark.parametrize("above", [True, False])
@pytest.mark.parametrize("name", METHODS)
def test_a_users_class_that_overrides_a_method(way, url, taken, above, name):
    called = []

    def override(self, *args, **kwargs):
        called.append(name)
        return getattr(super(own, self), name)(*args, **kwargs)

    base = (way.ours.Client if way.sync else way.ours.AsyncClient) if above else client_class(way)
    own = type("Own", (base,), {name: override})

    def make():
        client = own(trust_env=False)
        return client if above else meshlib.wrap(client)

    async def scenario(client):
        assert meshlib.journal(await client.get(url)) is not None

    way.use(make, scenario)
    assert taken == [False]
    assert called


@each_way
def test_a_users_class_that_overrides_nothing_of_the_sort(way, url, taken):
    base = way.ours.Client if way.sync else way.ours.AsyncClient
    own = type("Own", (base,), {"send": lambda self, *args, **kwargs: super(own, self).send(*args, **kwargs)})

    async def scenario(client):
        await client.get(url)

    way.use(lambda: own(trust_env=False), scenario)
    way.use(lambda: meshlib.wrap(way.stock()), scenario)
    assert taken == [True, True]


def users_transport(way):
    return type("Own", (transport_class(way),), {})()


@each_way
@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ({}, True),
        ({"auth": None}, True),
        ({"follow_redirects": True}, True),
        ({"cookies": {"a": "b"}}, True),
        ({"auth": ("user", "password")}, False),
        ({"event_hooks": {"request": [lambda request: None]}}, False),
        ({"event_hooks": {"response": [lambda response: None]}}, False),
        ({"transport": users_transport}, False),
        ({"mounts": {"http://127.0.0.1": users_transport}}, False),
        ({"mounts": {"http://elsewhere.example": users_transport}}, True),
        ({"mounts": {"http://127.0.0.1": None}}, True),
        ({"max_redirects": -1}, False),
    ],
    ids=str,
)
def test_what_the_client_was_made_with(way, url, taken, arguments, wanted):
    def made(value):
        return {k: made(v) for k, v in value.items()} if isinstance(value, dict) else value

    def make():
        kw = {
            k: ({n: f(way) if f else None for n, f in v.items()} if k == "mounts" else v) for k, v in arguments.items()
        }
        if "transport" in kw:
            kw["transport"] = kw["transport"](way)
        if not way.sync and "event_hooks" in kw:
            kw["event_hooks"] = {name: [_as_async(hook) for hook in hooks] for name, hooks in kw["event_hooks"].items()}
        return way.new(**kw)

    async def scenario(client):
        await client.outcome("get", url)

    way.use(make, scenario)
    assert taken == [wanted]


def _as_async(hook):
    async def called(argument):
        hook(argument)

    return called


@each_way
@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ({"auth": None}, True),
        ({"follow_redirects": False}, True),
        ({"auth": ("user", "password")}, False),
        ({"extensions": {"trace": None}}, False),
        ({"extensions": {"target": b"/other"}}, False),
        ({"extensions": meshlib.options(deadline=5.0)}, True),
    ],
    ids=str,
)
def test_what_the_request_asks_for(way, url, taken, arguments, wanted):
    if "trace" in arguments.get("extensions", {}):
        events = []
        trace = (lambda name, info: events.append(name)) if way.sync else _trace_into(events)
        arguments = {"extensions": {"trace": trace}}

    async def scenario(client):
        assert (await client.get(url, **arguments)).status_code == 200

    way.run(scenario)
    assert taken == [wanted]


def _trace_into(events):
    async def trace(name, info):
        events.append(name)

    return trace


@each_way
def test_a_user_in_the_url(way, server, taken):
    async def scenario(client):
        await client.get(f"http://user:password@127.0.0.1:{server.port}/")
        assert "authorization" in dict(server.received[-1].headers)

    way.run(scenario)
    assert taken == [False]


@each_way
def test_the_errors_of_a_closed_client_and_of_wrong_arguments_are_httpxs(way, url, taken):
    async def scenario(client):
        request = client.client.build_request("GET", url)
        with pytest.raises(TypeError, match="unknown"):
            await client.send(request, unknown=1)
        assert client.client.is_closed is False
        await way.value(client.client.close() if way.sync else client.client.aclose())
        with pytest.raises(RuntimeError, match="client has been closed"):
            await client.send(request)

    way.run(scenario)
    assert taken == [False, False]


@each_way
def test_hooks_that_come_and_go(way, url, taken):
    called = []
    hook = called.append if way.sync else _as_async(called.append)

    async def scenario(client):
        await client.get(url)
        client.client.event_hooks = {"response": [hook]}
        await client.get(url)
        client.client.event_hooks = {}
        await client.get(url)

    way.run(scenario)
    assert taken == [True, False, True]
    assert len(called) == 1
