"""Every replica is replaced while requests flow: nobody notices. Bare httpx, rotating over the same replicas, does."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from itertools import cycle
from typing import Any

import anyio
import httpx
import pytest

import meshlib
from tests.acceptance.replicas import Replicas, replicas
from tests.ways import Face, Way, busy, each_way

SIZE, AT_ONCE = 3, 8
DOWN = 0.2  # seconds without the replica that is being replaced

pytestmark = pytest.mark.realtime

Send = Callable[[str], Awaitable[Any]]


@pytest.fixture
def fleet() -> Iterator[Replicas]:
    with replicas(SIZE) as running:
        yield running


def mesh_of(fleet: Replicas) -> meshlib.Mesh:
    return meshlib.Mesh({"payment-service": {"discovery": f"static://{','.join(fleet.addresses)}"}})


async def load(client: Face, methods: str, during: Callable[[], None]) -> Counter[str]:
    """Requests one after another by several threads or tasks, while `during` runs; returns how they ended."""
    ended: Counter[str] = Counter()
    thread = threading.Thread(target=during)

    async def one(method: str) -> None:
        try:
            response = await getattr(client, method)("http://payment-service/")
            ended[f"{method} {response.status_code}"] += 1
        except client.hx.HTTPError as exc:
            ended[f"{method} {exc!r}"] += 1

    async def work() -> None:
        for method in cycle(methods.split()):
            if not thread.is_alive():
                return
            await one(method)

    thread.start()
    if client.way.sync:
        workers = [threading.Thread(target=lambda: drive(work())) for _ in range(AT_ONCE)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    else:
        async with anyio.create_task_group() as tasks:
            for _ in range(AT_ONCE):
                tasks.start_soon(work)
    thread.join()
    return ended


def drive(coroutine: Any) -> None:
    """Run a coroutine that never waits for a loop, as the sync client's are."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise AssertionError("it waited")


@each_way
@pytest.mark.parametrize(("close", "methods"), [("announced", "get post"), ("silent", "get")])
def test_no_request_fails(way: Way, fleet: Replicas, close: str, methods: str) -> None:
    """A POST that may have been executed is not sent again, so a silent close can fail it; an announced one never."""
    mesh = mesh_of(fleet)

    async def scenario(client: Face) -> None:
        ended = await load(client, methods, lambda: fleet.roll(close, DOWN))
        assert set(ended) == {f"{method} 200" for method in methods.split()}, ended
        assert ended.total() > 100
        assert await client.eventually(lambda: busy(mesh) == 0)

    way.run(scenario, mesh=mesh)


def test_bare_httpx_fails(fleet: Replicas) -> None:
    ended: Counter[str] = Counter()
    rolling = threading.Thread(target=fleet.roll, args=("silent", DOWN))
    rolling.start()
    with httpx.Client(trust_env=False) as client:
        for address in cycle(fleet.addresses):
            if not rolling.is_alive():
                break
            try:
                ended[str(client.get(f"http://{address}/").status_code)] += 1
            except httpx.HTTPError as exc:
                ended[type(exc).__name__] += 1
    rolling.join()
    assert {"200", "ConnectError"} <= set(ended)
