"""One async client in several event loops: in turn, at once in threads, and after a loop that died."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
import warnings
from collections.abc import Callable, Coroutine, Iterator
from contextlib import nullcontext, suppress
from typing import Any

import anyio
import httpx
import httpx2
import pytest
import trio

import meshlib
from meshlib.testing.server import FaultServer, Mode, Request
from tests.ways import busy, eventually

MODULES = [(httpx, meshlib), (httpx2, meshlib.httpx2)]
each_module = pytest.mark.parametrize("ours", [m for _, m in MODULES], ids=["httpx", "httpx2"])
URL = "http://payment-service"


def answer(request: Request) -> Mode:
    if request.target.startswith("/never"):
        return Mode.hang()
    return Mode(
        body=request.target.encode() * 4, answer="drip_body" if "drip" in request.target else "whole", interval=0.05
    )


@pytest.fixture(autouse=True)
def swept() -> Iterator[None]:
    """Transports of a dead loop warn when they are collected, which shall not be in another test."""
    yield
    with warnings.catch_warnings(action="ignore"):
        gc.collect()


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer(mode=answer) as running:
        yield running


@pytest.fixture
def mesh(server: FaultServer) -> meshlib.Mesh:
    return meshlib.Mesh({"payment-service": meshlib.Service(f"static://{server.address}")})


async def ask(client: Any, name: str, count: int = 5) -> list[str]:
    """What `count` requests said that was wrong."""
    wrong = []
    for number in range(count):
        target = f"/{name}-{number}"
        response = await client.get(URL + target)
        if response.text != target * 4:
            wrong.append(response.text)
    return wrong


@pytest.mark.parametrize("hx", [hx for hx, _ in MODULES], ids=["httpx", "httpx2"])
def test_a_bare_client_fails_in_the_second_loop(hx: Any, server: FaultServer) -> None:
    client = hx.AsyncClient(trust_env=False)
    asyncio.run(client.get(server.url))
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        asyncio.run(client.get(server.url))
    with warnings.catch_warnings(action="ignore"):
        del client
        gc.collect()


@each_module
@pytest.mark.parametrize(
    "runs",
    [
        (asyncio.run, asyncio.run, asyncio.run),
        (_trio := lambda main: trio.run(lambda: main), asyncio.run, _trio, asyncio.run),
    ],
    ids=["three of asyncio", "trio and asyncio"],
)
def test_a_client_serves_several_loops_in_turn(
    ours: Any, runs: tuple[Callable[[Coroutine[Any, Any, Any]], Any], ...], mesh: meshlib.Mesh, server: FaultServer
) -> None:
    client = ours.AsyncClient(mesh=mesh, trust_env=False)
    for turn, run in enumerate(runs):
        assert run(ask(client, f"turn{turn}")) == []
        assert busy(mesh) == 0
        assert eventually(lambda: server.open_connections == 0), "a loop's connections end with it"
    assert server.connections == len(runs)
    asyncio.run(client.aclose())


@each_module
def test_four_loops_in_four_threads_share_a_client_at_once(ours: Any, mesh: meshlib.Mesh, server: FaultServer) -> None:
    client, found, together = ours.AsyncClient(mesh=mesh, trust_env=False), {}, threading.Barrier(4)

    async def main(name: str) -> list[list[str]]:
        together.wait()
        return await asyncio.gather(*(ask(client, f"{name}-{task}", 10) for task in range(5)))

    def run(name: str) -> None:
        found[name] = asyncio.run(main(name))

    threads = [threading.Thread(target=run, args=(f"loop{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {f"loop{n}": [[]] * 5 for n in range(4)}
    assert server.requests == 4 * 5 * 10
    assert busy(mesh) == 0
    asyncio.run(client.aclose())
    assert eventually(lambda: server.open_connections == 0)


class Dying:
    """A loop that is stopped and closed without a word to anybody, as no `asyncio.run` would."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.loop.set_exception_handler(lambda *_: None)  # that a pending task was destroyed is what happens here

    def run(self, main: Coroutine[Any, Any, Any], seconds: float = 0.1) -> None:
        self.loop.create_task(main)
        self.loop.call_later(seconds, self.loop.stop)
        self.loop.run_forever()

    def close(self) -> None:
        self.loop.close()
        with warnings.catch_warnings(action="ignore"):  # transports that nobody closed: the loop's owner's doing
            self.loop = None  # type: ignore[assignment]
            gc.collect()


async def idle(client: Any, kept: list[Any]) -> None:
    await ask(client, "idle")


async def pending(client: Any, kept: list[Any]) -> None:
    await client.get(URL + "/never")


async def pending_in_a_scope(client: Any, kept: list[Any]) -> None:
    """anyio keeps a task that is in one of its scopes for as long as the process lives."""
    with anyio.fail_after(100):
        await client.get(URL + "/never")


async def streaming(client: Any, kept: list[Any]) -> None:
    request = client.build_request("GET", URL + "/drip")
    response = await client.send(request, stream=True)
    kept.append(response)
    async for _ in response.aiter_raw():
        pass


async def queued(client: Any, kept: list[Any]) -> None:
    await asyncio.gather(*(client.get(URL + f"/never{n}") for n in range(4)))


async def queued_in_a_scope(client: Any, kept: list[Any]) -> None:
    with anyio.fail_after(100):
        async with anyio.create_task_group() as tasks:
            for number in range(4):
                tasks.start_soon(client.get, URL + f"/never{number}")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@each_module
@pytest.mark.parametrize("state", [idle, pending, pending_in_a_scope, streaming, queued, queued_in_a_scope])
def test_a_loop_that_dies_leaves_nothing_behind(ours: Any, state: Any, mesh: meshlib.Mesh, server: FaultServer) -> None:
    limits = (httpx if ours is meshlib else httpx2).Limits(max_connections=2)
    client, dying, kept = ours.AsyncClient(mesh=mesh, trust_env=False, limits=limits), Dying(), []
    dying.run(state(client, kept))
    if state is not idle:
        assert busy(mesh) >= 1
    dying.close()
    kept.clear()
    assert asyncio.run(ask(client, "next")) == []
    assert busy(mesh) == 0
    assert client._transport._pool.counts()["open"] == 0
    assert eventually(lambda: server.open_connections == 0)
    asyncio.run(client.aclose())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("scope", [False, True])
def test_a_loop_that_dies_while_it_dials_gives_the_slot_back(scope: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, and never answers a TLS hello
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        mesh = meshlib.Mesh({"payment-service": meshlib.Service(f"static://{address}")})
        client, dying = meshlib.AsyncClient(mesh=mesh, trust_env=False, timeout=100), Dying()

        async def dialling() -> None:
            with anyio.fail_after(100) if scope else nullcontext():
                await client.get("https://payment-service/")

        dying.run(dialling())
        pool = client._transport._pool
        assert (busy(mesh), pool.counts()["dialling"]) == (1, 1)
        dying.close()
        assert busy(mesh) == 0
        gc.collect()
        assert (busy(mesh), pool.counts()["open"]) == (0, 0)
        asyncio.run(client.aclose())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_nothing_is_in_flight_in_a_dead_loop_even_if_the_client_is_never_used_again(mesh: meshlib.Mesh) -> None:
    client, dying = meshlib.AsyncClient(mesh=mesh, trust_env=False), Dying()
    dying.run(pending(client, []))
    assert busy(mesh) == 1
    dying.close()
    assert busy(mesh) == 0
    with suppress(RuntimeError):
        asyncio.run(client.aclose())
