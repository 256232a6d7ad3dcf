"""Redirects, auth flows and reused requests: each hop a call of its own, one journal, nothing of ours carried along."""

import asyncio

import httpx
import pytest
import trio

import meshlib
from meshlib.testing.server import FaultServer, Mode
from tests.ways import WAYS, busy, each_async_way, each_way

URL = "http://payment-service/pay"


@pytest.fixture
def pay():
    with FaultServer() as running:
        yield running


@pytest.fixture
def audit():
    with FaultServer() as running:
        yield running


@pytest.fixture
def mesh(pay, audit):
    return meshlib.Mesh(
        {
            "payment-service": {"discovery": f"static://{pay.address}", "deadline": {"timeout": 30}},
            "audit-service": {"discovery": f"static://{audit.address}"},
        }
    )


def to(location):
    return Mode(status=307, headers=(("Location", location),), body=b"")


def hops(response):
    return [(hop.service, hop.url) for hop in meshlib.journal(response).hops]


@each_way
def test_a_redirect_to_another_service(way, pay, audit, mesh):
    """Both hops in one journal, the deadline shared, no mesh header and no authorization carried along by us."""
    pay.mode = to("http://audit-service/log")

    async def scenario(client):
        request = client.client.build_request("GET", URL, headers={"authorization": "secret", "x-own": "1"})
        response = await client.send(request, follow_redirects=True)
        assert hops(response) == [("payment-service", URL), ("audit-service", "http://audit-service/log")]
        assert meshlib.journal(response.history[0]) is meshlib.journal(response)
        assert [a.endpoint for a in meshlib.journal(response).attempts] == [pay.address, audit.address]
        assert "x-envoy-expected-rq-timeout-ms" not in request.headers
        assert "meshlib.attempt" not in request.extensions
        assert "x-envoy-expected-rq-timeout-ms" not in response.request.headers
        assert busy(mesh) + busy(mesh, "audit-service") == 0

    way.run(scenario, mesh=mesh)
    first, second = pay.received[0].headers, audit.received[0].headers
    assert 0 < int(second["x-envoy-expected-rq-timeout-ms"]) <= int(first["x-envoy-expected-rq-timeout-ms"]) <= 30_000
    assert first["authorization"] == "secret"
    assert "authorization" not in second
    assert second["x-own"] == "1"
    assert second["host"] == "audit-service"


@each_way
def test_a_redirect_out_of_the_mesh_carries_no_mesh_header(way, pay, audit, mesh):
    pay.mode = to(f"{audit.url}/away")

    async def scenario(client):
        response = await client.get(URL, follow_redirects=True)
        assert [service for service, _ in hops(response)] == ["payment-service", None]

    way.run(scenario, mesh=mesh)
    assert "x-envoy-expected-rq-timeout-ms" in pay.received[0].headers
    assert "x-envoy-expected-rq-timeout-ms" not in audit.received[0].headers


@each_way
def test_the_hops_share_the_deadline(way, pay, audit, mesh):
    pay.mode = to("http://audit-service/log")
    audit.mode = Mode.hang()

    async def scenario(client):
        asked = meshlib.options(deadline=0.2)
        with pytest.raises(meshlib.DeadlineExceeded) as raised:
            await client.get(URL, follow_redirects=True, extensions=asked)
        assert len(meshlib.journal(raised.value).hops) == 2
        assert raised.value.request.url == "http://audit-service/log"

    way.run(scenario, mesh=mesh)


@each_way
def test_a_header_of_the_callers_with_the_name_of_ours_is_his(way, pay, mesh):
    async def scenario(client):
        request = client.client.build_request("GET", URL, headers={"x-envoy-expected-rq-timeout-ms": "77"})
        await client.send(request)
        assert request.headers["x-envoy-expected-rq-timeout-ms"] == "77"

    way.run(scenario, mesh=mesh)
    assert pay.received[0].headers["x-envoy-expected-rq-timeout-ms"] == "77"


def challenged(request):
    if "authorization" in request.headers:
        return Mode.ok()
    challenge = 'Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256'
    return Mode(status=401, headers=(("WWW-Authenticate", challenge),), body=b"")


@each_way
def test_rounds_of_an_auth_flow_share_one_journal(way, pay, mesh):
    pay.mode = challenged

    async def scenario(client):
        response = await client.get(URL, auth=way.hx.DigestAuth("user", "password"))
        assert response.status_code == 200
        assert [a.outcome for a in meshlib.journal(response).attempts] == ["401", "200"]
        assert hops(response) == [("payment-service", URL)] * 2

    way.run(scenario, mesh=mesh)


@each_way
def test_a_request_of_an_auth_flow_inherits_the_deadline(way, pay, audit, mesh):
    """It is a new request without our extensions: the context carries the deadline."""
    audit.mode = Mode.hang()

    class Token(way.hx.Auth):
        def auth_flow(self, request):
            yield request
            yield way.hx.Request("GET", "http://audit-service/token")

    async def scenario(client):
        asked = meshlib.options(deadline=0.2)
        with pytest.raises(meshlib.DeadlineExceeded):
            await client.get(URL, auth=Token(), extensions=asked)

    way.run(scenario, mesh=mesh)


@each_way
def test_a_request_object_can_be_sent_twice(way, pay, mesh):
    async def scenario(client):
        request = client.client.build_request("GET", URL)
        one, two = await client.send(request), await client.send(request)
        assert one.request is two.request is request
        assert meshlib.journal(one) is not meshlib.journal(two)
        assert [len(meshlib.journal(r).attempts) for r in (one, two)] == [1, 1]

    way.run(scenario, mesh=mesh)


@each_async_way
def test_a_request_object_can_be_sent_by_several_tasks_at_once(way, pay, mesh):
    pay.mode = Mode.ok(delay=0.02)

    async def scenario(client):
        request = client.client.build_request("GET", URL)
        answers = []

        async def one():
            answers.append(await client.send(request))

        if way.kind == "asyncio":
            await asyncio.gather(*(one() for _ in range(5)))
        else:
            async with trio.open_nursery() as nursery:
                for _ in range(5):
                    nursery.start_soon(one)
        assert all(answer.request is request for answer in answers)
        assert len({id(meshlib.journal(answer)) for answer in answers}) == 5
        assert [len(meshlib.journal(answer).attempts) for answer in answers] == [1] * 5
        assert set(request.headers) == {"host", "accept", "accept-encoding", "connection", "user-agent"}
        assert "meshlib.attempt" not in request.extensions
        assert busy(mesh) == 0

    way.run(scenario, mesh=mesh)
    assert pay.requests == 5


@each_way
def test_event_hooks_run_once_per_hop(way, pay, audit):
    mesh = meshlib.Mesh(
        {"payment-service": {"discovery": f"static://{pay.address},{audit.address}", "retry": {"backoff": 0}}}
    )
    pay.mode = audit.mode = Mode.fail(503)
    ran = []

    def hook(what):
        ran.append(type(what).__name__)

    async def ahook(what):
        hook(what)

    hooks = [hook if way.sync else ahook]

    async def scenario(client):
        response = await client.get(URL)
        assert len(meshlib.journal(response).attempts) == 3

    way.run(scenario, mesh=mesh, event_hooks={"request": hooks, "response": hooks})
    assert ran == ["Request", "Response"]


class Twice:
    """A user's layer that sends two attempts and returns the second."""

    name = "twice"

    async def handle(self, inner, attempt):
        await attempt.call.runtime.close(await inner(attempt))
        return await inner(attempt.call.new_attempt())


@each_way
@pytest.mark.parametrize("content", [None, b"text", "generator"], ids=str)
def test_after_several_attempts_the_request_is_still_the_callers_object(way, pay, content):
    service = {"discovery": f"static://{pay.address}", "retry": {"max_attempts": 1}}
    mesh = meshlib.Mesh({"payment-service": service}, layers=[(Twice(), "below", "retry")])

    def generated():
        yield b"te"
        yield b"xt"

    async def agenerated():
        for part in generated():
            yield part

    body = (generated() if way.sync else agenerated()) if content == "generator" else content

    async def scenario(client):
        request = client.client.build_request("POST", URL, content=body)
        response = await client.send(request)
        assert response.request is request
        pay.mode = Mode.reset()
        outcome = await client.outcome("get", URL)
        assert outcome.request.url == URL
        return request

    way.run(scenario, mesh=mesh)
    assert [r.body for r in pay.received][:2] == [b"text" if content else b""] * 2
    assert busy(mesh) == 0


@each_way
def test_an_error_has_the_callers_request_after_a_retry(way, pay, audit):
    mesh = meshlib.Mesh({"payment-service": {"discovery": f"static://{pay.address},{audit.address}"}})
    pay.mode = audit.mode = Mode.reset()

    async def scenario(client):
        request = client.client.build_request("GET", URL)
        with pytest.raises(way.hx.ReadError) as raised:
            await client.send(request)
        assert raised.value.request is request
        assert len(meshlib.journal(raised.value).attempts) == 3

    way.run(scenario, mesh=mesh)


@pytest.mark.parametrize("way", [w for w in WAYS if w.hx is httpx], ids=str)
def test_a_client_used_by_the_body_of_another_dials_its_own_host(way, pay, audit):
    """The body is pulled while our wire works for the outer attempt: its endpoint is not the inner request's."""
    mesh = meshlib.Mesh({"payment-service": {"discovery": f"static://{pay.address}"}}, unconfigured="direct")
    inner = meshlib.Client(mesh=mesh, trust_env=False)

    def body():
        yield inner.get(f"{audit.url}/inner").content

    async def abody():
        for part in body():
            yield part

    async def scenario(client):
        await client.post(URL, content=body() if way.sync else abody())

    with inner:
        way.run(scenario, mesh=mesh)
    assert [(server.requests, server.received[0].method) for server in (pay, audit)] == [(1, "POST"), (1, "GET")]
