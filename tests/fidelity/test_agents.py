"""Agents that patch httpx or httpcore, as tracers in production do: they are called, once per attempt.

Elastic APM wraps `httpcore.HTTPConnection.handle_request` with wrapt; others use `functools.wraps`. Such a patch may
come before or after the client is made, and may go again.
"""

from __future__ import annotations

import functools
from contextlib import contextmanager
from itertools import cycle

import httpcore
import httpcore2
import httpx
import pytest
import wrapt

import meshlib
from meshlib.testing.server import FaultServer, Mode
from tests.ways import each_way

URL = "http://payment-service/"


@pytest.fixture
def server():
    """Answers every second request only: each call has two attempts."""
    answers = cycle([Mode.fail(503), Mode.ok()])
    with FaultServer(mode=lambda request: next(answers)) as running:
        yield running


@pytest.fixture
def mesh(server):
    service = {"discovery": f"static://{server.address}", "retry": {"backoff": 0.0}, "breaker": False}
    return meshlib.Mesh({"payment-service": service})


TARGETS = ["transport", "pool", "connection", "http11"]


def target(way, name):
    """The class and the method that the agent wraps."""
    core = httpcore if way.hx is httpx else httpcore2
    prefix, method = ("", "handle_request") if way.sync else ("Async", "handle_async_request")
    owner, class_name = {
        "transport": (way.hx, "HTTPTransport"),
        "pool": (core, "ConnectionPool"),
        "connection": (core, "HTTPConnection"),
        "http11": (core, "HTTP11Connection"),
    }[name]
    return getattr(owner, prefix + class_name), method


@contextmanager
def agent(way, name, tool, calls):
    owner, method = target(way, name)
    original = vars(owner)[method]

    if tool == "wrapt":

        def wrapper(wrapped, instance, args, kwargs):
            calls.append(type(instance).__name__)
            return wrapped(*args, **kwargs)

        replacement = wrapt.FunctionWrapper(original, wrapper)
    elif way.sync:

        @functools.wraps(original)
        def replacement(self, request):
            calls.append(type(self).__name__)
            return original(self, request)

    else:

        @functools.wraps(original)
        async def replacement(self, request):
            calls.append(type(self).__name__)
            return await original(self, request)

    setattr(owner, method, replacement)
    try:
        yield
    finally:
        setattr(owner, method, original)


async def attempts(client, number):
    """Send calls one after the other; how many attempts they had."""
    found = 0
    for _ in range(number):
        response = await client.get(URL)
        assert response.status_code == 200
        found += len(meshlib.journal(response).attempts)
    return found


@each_way
@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("tool", ["wraps", "wrapt"])
def test_an_agent_is_called_once_per_attempt(way, mesh, server, name, tool):
    calls = []

    async def scenario(client):
        with agent(way, name, tool, calls):
            assert await attempts(client, 4) == 8
            assert len(calls) == server.requests == 8

    way.run(scenario, mesh=mesh)


@each_way
@pytest.mark.parametrize("name", TARGETS)
def test_an_agent_that_comes_and_goes(way, mesh, server, name):
    """With connections open at each change."""
    calls = []

    async def scenario(client):
        await attempts(client, 3)
        assert not calls
        with agent(way, name, "wrapt", calls):
            assert await attempts(client, 3) == len(calls)
        before = len(calls)
        await attempts(client, 3)
        assert len(calls) == before
        assert all(e["in_flight"] == 0 for e in mesh.snapshot()["payment-service"]["endpoints"].values())

    way.run(scenario, mesh=mesh)


@each_way
@pytest.mark.parametrize("name", TARGETS)
def test_an_agent_is_called_for_unconfigured_hosts_and_wrapped_clients(way, name, server):
    calls = []

    async def scenario(client):
        meshlib.wrap(client.client, mesh=meshlib.Mesh())
        with agent(way, name, "wraps", calls):
            assert [(await client.get(server.url)).status_code for _ in range(4)] == [503, 200, 503, 200]
        assert len(calls) == 4

    way.use(way.stock, scenario)


@each_way
def test_an_agent_on_the_clients_own_transport_object(way, mesh, server):
    """As `instrument_client` of OpenTelemetry does it: the method of one object."""
    calls = []

    async def scenario(client):
        transport = client.client._transport
        method = "handle_request" if way.sync else "handle_async_request"

        def wrapper(wrapped, instance, args, kwargs):
            calls.append(1)
            return wrapped(*args, **kwargs)

        wrapt.wrap_function_wrapper(transport, method, wrapper)
        assert await attempts(client, 4) == len(calls)

    way.run(scenario, mesh=mesh)


@each_way
def test_an_agent_on_the_clients_send_is_called_once_per_call(way, mesh, server):
    """Sentry, New Relic and Elastic wrap `Client.send`."""
    calls = []
    owner = way.hx.Client if way.sync else way.hx.AsyncClient
    original = owner.send

    def wrapper(wrapped, instance, args, kwargs):
        calls.append(1)
        return wrapped(*args, **kwargs)

    async def scenario(client):
        owner.send = wrapt.FunctionWrapper(original, wrapper)
        try:
            assert await attempts(client, 4) == 8
        finally:
            owner.send = original
        assert len(calls) == 4

    way.run(scenario, mesh=mesh)
