"""retry, deadline and attempt over real connections, in the sync client, asyncio and trio."""

import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import anyio
import httpx
import pytest

import meshlib
from meshlib.testing.server import FaultServer, Fleet, Mode

URL = "http://payment-service/charge"
LATE = 0.25  # seconds that a loaded machine may add


class Outcome:
    """What a call gave: the response (read) or the error, its journal, and the seconds it took."""

    def __init__(self, result: Any, seconds: float) -> None:
        self.result, self.seconds, self.journal = result, seconds, meshlib.journal(result)

    @property
    def attempts(self) -> list[str | None]:
        assert self.journal is not None
        return [attempt.outcome for attempt in self.journal.attempts]


def in_sync(mesh: meshlib.Mesh, calls: int, stream: bool, method: str, content: Any, **kw: Any) -> list[Outcome]:
    def one() -> Any:
        made = client.build_request(method, URL, content=content() if content else None, **kw)
        response = client.send(made, stream=stream)
        response.read()
        response.close()
        return response

    with meshlib.Client(mesh=mesh) as client:
        return [_timed_sync(one) for _ in range(calls)]


def _timed_sync(call: Callable[[], Any]) -> Outcome:
    began = time.monotonic()
    try:
        result: Any = call()
    except httpx.HTTPError as error:
        result = error
    return Outcome(result, time.monotonic() - began)


def in_aio(backend: str) -> Callable[..., list[Outcome]]:
    def run(mesh: meshlib.Mesh, calls: int, stream: bool, method: str, content: Any, **kw: Any) -> list[Outcome]:
        async def main() -> list[Outcome]:
            async with meshlib.AsyncClient(mesh=mesh) as client:
                return [await _timed(client, stream, method, content, kw) for _ in range(calls)]

        return anyio.run(main, backend=backend)

    return run


async def _timed(client: Any, stream: bool, method: str, content: Any, kw: Any) -> Outcome:
    began = time.monotonic()
    made = client.build_request(method, URL, content=_asynchronous(content) if content else None, **kw)
    try:
        result: Any = await client.send(made, stream=stream)
        await result.aread()
        await result.aclose()
    except httpx.HTTPError as error:
        result = error
    return Outcome(result, time.monotonic() - began)


async def _asynchronous(content: Callable[[], Iterator[bytes]]) -> AsyncIterator[bytes]:
    for part in content():
        yield part


@pytest.fixture(params=["sync", "asyncio", "trio"])
def play(request: pytest.FixtureRequest) -> Callable[..., list[Outcome]]:
    """Makes calls, one after the other, to a service with these endpoints and sections."""
    run = in_sync if request.param == "sync" else in_aio(request.param)

    def play(
        addresses: list[str],
        method: str = "GET",
        calls: int = 1,
        stream: bool = False,
        content: Any = None,
        headers: Any = None,
        **sections: Any,
    ) -> list[Outcome]:
        sections = {"balance": {"policy": "round_robin"}, "breaker": False, **sections}
        service = {"discovery": "static://" + ",".join(addresses), **sections}
        return run(meshlib.Mesh({"payment-service": service}), calls, stream, method, content, headers=headers)

    return play


def fails_first(times: int, mode: Mode) -> Callable[[Any], Mode]:
    seen: list[Any] = []

    def choose(request: Any) -> Mode:
        seen.append(request)
        return mode if len(seen) <= times else Mode.ok()

    return choose


def parts() -> Iterator[bytes]:
    yield from (b"one,", b"two,", b"three")


@pytest.mark.parametrize("mode", [Mode.fail(503), Mode.reset(), Mode.truncate()], ids=["503", "reset", "truncate"])
def test_a_generator_is_sent_again_whole(play: Any, mode: Mode) -> None:
    with FaultServer(mode=fails_first(2, mode)) as server:
        (outcome,) = play([server.address], "PUT", content=parts, retry={"backoff": 0})
        assert outcome.result.status_code == 200
        assert [request.body for request in server.received] == [b"one,two,three"] * 3


def test_a_generator_above_the_limit_is_sent_once(play: Any) -> None:
    with FaultServer(mode=Mode.fail(503)) as server:
        (outcome,) = play([server.address], "PUT", content=parts, retry={"backoff": 0, "buffer_body": 12})
        assert outcome.result.status_code == 503
        assert server.requests == 1


def test_an_answer_that_is_thrown_away_leaves_its_connection_in_use(play: Any) -> None:
    with FaultServer(mode=Mode.fail(503)) as server:
        play([server.address], calls=3, stream=True, retry={"backoff": 0})
        assert (server.requests, server.connections) == (9, 1)


def test_each_attempt_tells_the_server_what_remains(play: Any) -> None:
    with FaultServer(mode=Mode.fail(503)) as server:
        play([server.address], deadline={"timeout": 5.0}, retry={"backoff": 0.05, "max_attempts": 2})
        first, second = (int(dict(r.headers)["x-envoy-expected-rq-timeout-ms"]) for r in server.received)
        assert 4000 < second <= first - 50 < 5000
        play([server.address], headers={"X-Envoy-Expected-Rq-Timeout-Ms": "7"}, deadline={"timeout": 5.0}, retry=False)
        assert dict(server.received[-1].headers)["x-envoy-expected-rq-timeout-ms"] == "7"


@pytest.mark.realtime
def test_a_get_leaves_a_hanging_endpoint_in_time_to_be_answered_by_another(play: Any) -> None:
    with Fleet(2) as fleet:
        fleet[0].mode = Mode.hang()
        outcomes = play(fleet.addresses, calls=2, deadline={"timeout": 0.6}, retry={"backoff": 0})
    assert [outcome.result.status_code for outcome in outcomes] == [200, 200]
    assert max(len(outcome.attempts) for outcome in outcomes) == 2
    assert 0.2 <= max(outcome.seconds for outcome in outcomes) < 0.2 + LATE


@pytest.mark.realtime
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("mode", [Mode.hang(), Mode.drip_head(0.02), Mode.drip_body(0.02)], ids=lambda m: m.answer)
def test_the_deadline_ends_a_post_whatever_the_server_does(play: Any, mode: Mode, stream: bool) -> None:
    with FaultServer(mode=mode.replace(body=b"x" * 1000)) as server:
        (outcome,) = play([server.address], "POST", stream=stream, deadline={"timeout": 0.3})
        assert server.requests == 1
    assert isinstance(outcome.result, meshlib.DeadlineExceeded)
    assert 0.29 <= outcome.seconds < 0.3 + LATE


@pytest.mark.realtime
@pytest.mark.parametrize("mode", [Mode.hang(), Mode.drip_head(0.02), Mode.drip_body(0.02)], ids=lambda m: m.answer)
def test_a_configured_attempt_timeout_covers_the_body_and_is_retried(play: Any, mode: Mode) -> None:
    with FaultServer(mode=fails_first(1, mode.replace(body=b"x" * 1000))) as server:
        (outcome,) = play([server.address], attempt={"timeout": 0.2}, retry={"backoff": 0})
    assert outcome.result.status_code == 200
    assert len(outcome.attempts) == 2
    assert 0.2 <= outcome.seconds < 0.2 + LATE
