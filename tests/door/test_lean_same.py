"""The lean way against httpx itself: the same answers of the same server, and everything that can be seen compared."""

import logging
import socket
from dataclasses import replace

import pytest

from meshlib.lean.way import Way
from tests.door.lean_cases import Case, drawn
from tests.door.lean_seen import observed, without_boundary
from tests.door.rawserver import RawServer, Scripted
from tests.ways import each_way


@pytest.fixture
def lean(monkeypatch):
    """For each `send` of ours: the transport on which it went the lean way, or None."""
    found = []
    chosen = Way.transport

    def spy(self, *args):
        found.append(chosen(self, *args))
        return found[-1]

    monkeypatch.setattr(Way, "transport", spy)
    return found


@pytest.fixture(autouse=True)
def log(caplog):
    caplog.set_level(logging.INFO, "httpx")
    caplog.set_level(logging.INFO, "httpx2")
    return caplog


def same(theirs, ours, cases):
    """Every difference is shown with its case."""
    for case, their, our in zip(cases, theirs, ours, strict=True):
        assert our.keys() == their.keys(), (case, their.get("error"), our.get("error"))
        for name, part in their.items():
            assert our[name] == part, (name, replace(case, body=case.body[:50]))


@pytest.mark.filterwarnings("ignore:Exception ignored in. <async_generator")  # trio's, of httpx's own generators
@each_way
@pytest.mark.parametrize("part", range(4))
def test_generated_requests_look_the_same(way, part, rng, log, lean):
    cases = [drawn(rng) for _ in range(100)]
    answers = {f"/{n}": case.answer() for n, case in enumerate(cases)}
    answers["/ok"] = Scripted((b"HTTP/1.1 204 No Content\r\nX-Found: 1\r\n\r\n",))  # a HEAD may come here too
    with RawServer(answers) as server:

        async def all_of(client):
            return [await observed(client, f"{server.url}/{n}", case, log) for n, case in enumerate(cases)]

        theirs = way.use(way.stock, all_of)
        asked = [without_boundary(request) for request in server.received]
        server.received.clear()
        ours = way.run(all_of)
        again = [without_boundary(request) for request in server.received]
    assert sum(transport is not None for transport in lean) >= len(cases)
    same(theirs, ours, cases)
    assert again == asked


@pytest.mark.realtime
@each_way
@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{closed}/",
        "http://127.0.0.1:{silent}/",
        "http://name.invalid/",
        "ftp://127.0.0.1/",
        "/path",
        "http:///",
        "https://127.0.0.1:{silent}/",
    ],
)
def test_errors_look_the_same(way, url, log, lean):
    """Refused, never answered, unknown to DNS, no protocol of ours, no host: class, text, cause and request."""
    case = Case(arguments={"timeout": 0.2})
    with socket.create_server(("127.0.0.1", 0)) as silent, socket.create_server(("127.0.0.1", 0)) as closed:
        url = url.format(silent=silent.getsockname()[1], closed=closed.getsockname()[1])
        closed.close()

        async def scenario(client):
            return [await observed(client, url, case, log)]

        same(way.use(way.stock, scenario), way.run(scenario), [case])
    assert any(lean) == (url.startswith("http") and url != "http:///")


@each_way
def test_a_body_of_the_wrong_kind_is_httpxs_error(way, log, lean):
    async def later():
        yield b""

    case = Case("POST", arguments={"content": later() if way.sync else iter([b""])})

    async def scenario(client):
        return [await observed(client, "http://127.0.0.1:1/", case, log)]

    theirs = way.use(way.stock, scenario)
    same(theirs, way.run(scenario), [case])
    assert theirs[0]["error"][0] == "RuntimeError"
    assert not any(lean)
