"""The stacks: how a client is set up, and the one call that is cancelled, or whose operations fail, everywhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio

from tests.torture.stage import LARGE, NAME

if TYPE_CHECKING:
    from tests.torture.rig import Rig

Act = Callable[["Rig"], Coroutine[Any, Any, None]]
CHUNK = b"x" * 40_000


@dataclass(frozen=True)
class Scenario:
    """`act` is the call. `services(stage)` are the mesh's; without any, the host is unconfigured.

    `warm`: it meets an idle connection; else each run has a new client. `client` are arguments of the client, `door`
    where meshlib is entered, `new_mesh` whether each run needs a mesh of its own. `rest`: seconds for which an endpoint
    that failed stays away. `points`: about how many there are. `before` prepares a run; `beside`
    runs at the same time. `kinds` are those of client for which there is something to see.
    """

    name: str
    act: Act
    services: Callable[[Any], dict[str, Any]] = field(default=lambda stage: {})
    warm: bool = False
    tls: bool = False
    http2: bool = False
    client: dict[str, Any] = field(default_factory=dict)
    door: str = "client"
    new_mesh: bool = False
    rest: float = 0.0
    points: int = 20
    before: Act | None = None
    beside: Act | None = None
    kinds: tuple[str, ...] = ("sync", "asyncio", "trio")

    def __str__(self) -> str:
        return self.name


class Body:
    """A request body that can be read once."""

    def __init__(self, chunks: int) -> None:
        self._left = chunks

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise StopIteration
        return CHUNK


class AsyncBody(Body):
    __iter__ = None  # type: ignore[assignment]

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self  # type: ignore[return-value]

    async def __anext__(self) -> bytes:
        await anyio.sleep(0)
        try:
            return next(self)
        except StopIteration:
            raise StopAsyncIteration from None


async def get(rig: Rig, path: str = "/", **kw: Any) -> None:
    response = await rig.face.get(rig.url(path), **kw)
    assert response.status_code == 200, response


async def get_large(rig: Rig) -> None:
    assert (await rig.face.get(rig.url("/large"))).content == LARGE


async def twice_tried(rig: Rig) -> None:
    await get(rig, "/busy", headers={"X-Request-Id": rig.new_id()})


async def read_stream(rig: Rig) -> None:
    into: list[bytes] = []
    async with rig.face.stream("GET", rig.url("/large")) as response:
        await rig.face.pull(response, into)
    assert b"".join(into) == LARGE


async def leave_stream(rig: Rig) -> None:
    async with rig.face.stream("GET", rig.url("/large")) as response:
        if rig.way.sync:
            next(response.iter_raw(1000))
            return
        chunks = response.aiter_raw(1000)
        await anext(chunks)
        await chunks.aclose()


async def upload(rig: Rig) -> None:
    body = Body(4) if rig.way.sync else AsyncBody(4)
    response = await rig.face.post(rig.url("/"), content=body)
    assert response.status_code == 200


async def with_auth(rig: Rig) -> None:
    class TwoRounds(rig.way.hx.Auth):  # type: ignore[misc,name-defined]
        def auth_flow(self, request: Any) -> Any:
            response = yield request
            if response.status_code == 401:
                request.headers["Authorization"] = "Custom token"
                yield request

    await get(rig, "/secret", auth=TwoRounds())


async def open_the_breaker(rig: Rig) -> None:
    """One failure opens it for a millisecond; the next call is the trial."""
    await rig.face.get(rig.url("/broken"))
    await rig.sleep(0.003)


async def hold_the_only_connection(rig: Rig) -> None:
    request = rig.face.client.build_request("GET", rig.url("/large"))
    rig.held = await rig.face.send(request, stream=True)


async def let_it_go(rig: Rig) -> None:
    await rig.sleep(0.004)
    await rig.face.close(rig.held)


def one(stage: Any, **more: Any) -> dict[str, Any]:
    return {NAME: {"discovery": f"static://{stage.plain.address}", **more}}


def three(stage: Any, **more: Any) -> dict[str, Any]:
    hosts = [f"127.0.0.1:{stage.plain.port}", f"127.0.0.2:{stage.plain.port}", f"127.0.0.3:{stage.plain.port}"]
    return {NAME: {"discovery": f"static://{','.join(hosts)}", **more}}


def secured(stage: Any) -> dict[str, Any]:
    return {NAME: {"discovery": f"static://{stage.tls.address}"}}


def found_by_dns(stage: Any) -> dict[str, Any]:
    return {NAME: {"discovery": f"dns://{stage.dns.host}:{stage.dns.port}/pay.test:{stage.plain.port}"}}


def first_refuses(stage: Any) -> dict[str, Any]:
    refused = f"127.0.0.1:{stage.refused.getsockname()[1]}"
    found = {"discovery": f"static://{refused},{stage.plain.address}", "breaker": False}
    return {NAME: {**found, "balance": {"policy": "round_robin"}, "retry": RETRY}}


def over_http2(stage: Any) -> dict[str, Any]:
    return {NAME: {"discovery": f"static://{stage.h2.address}"}}


RETRY = {"backoff": 0.002, "budget": {"cap": 1000, "ratio": 0.0, "floor": 0.0}}
TRIAL = {"consecutive_failures": 1, "open_min": 0.001, "open_max": 0.001}
HOOKS = "stock"
"""A client with an event hook takes httpx's own `send()` and not the short one."""

ONE_CONNECTION = {"max_connections": 1}

SCENARIOS = [
    Scenario("unconfigured", get),
    Scenario("unconfigured-warm", get, warm=True),
    Scenario("unconfigured-tls", get, tls=True),
    Scenario("one-endpoint", get, one),
    Scenario("one-endpoint-warm", get, one, warm=True),
    Scenario("three-endpoints", get, partial(three), warm=True),
    Scenario("tls", get, secured, tls=True),
    Scenario("tls-warm", get, secured, tls=True, warm=True),
    Scenario("deadline", get, partial(one, deadline={"timeout": 5.0})),
    Scenario("deadline-warm", partial(get, path="/slow"), partial(three, deadline={"timeout": 5.0}), warm=True),
    Scenario("stock-send", get, one, client={"event_hooks": HOOKS}),
    Scenario("stock-send-warm", get, one, client={"event_hooks": HOOKS}, warm=True),
    Scenario("large", get_large, one, warm=True),
    Scenario("stream", read_stream, one, warm=True),
    Scenario("stream-left", leave_stream, one, warm=True),
    Scenario("stream-unconfigured", read_stream, tls=True),
    Scenario("upload", upload, partial(one, breaker=False), warm=True),
    Scenario("upload-fresh", upload, partial(three, breaker=False)),
    Scenario("retry-503", twice_tried, partial(one, retry=RETRY, breaker=False), warm=True),
    Scenario("retry-refused", get, first_refuses),
    Scenario("auth", with_auth, one, warm=True),
    Scenario("redirect", partial(get, path="/there", follow_redirects=True), one, warm=True),
    Scenario("transport", get, one, door="transport", warm=True),
    Scenario(
        "trial",
        get,
        partial(one, breaker=TRIAL, retry=False),
        new_mesh=True,
        rest=0.003,
        before=open_the_breaker,
    ),
    Scenario("discovery", get, found_by_dns, new_mesh=True),
    Scenario(
        "exhausted",
        get,
        one,
        client={"limits": ONE_CONNECTION},
        before=hold_the_only_connection,
        beside=let_it_go,
        kinds=("asyncio", "trio"),
    ),
    Scenario("http2", get, over_http2, tls=True, http2=True, points=100),
    Scenario("http2-warm", get, over_http2, tls=True, http2=True, warm=True),
]
