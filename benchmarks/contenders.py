"""The clients that are compared: bare httpx rotating over the endpoints by hand, and meshlib, all default layers on."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx

import meshlib

HEADERS = {"x-request-id": "1"}


def mesh_of(addresses: list[str]) -> meshlib.Mesh:
    """All default layers, and a deadline, over a static set."""
    service = meshlib.Service("static://" + ",".join(addresses), deadline=meshlib.Deadline(timeout=30.0))
    return meshlib.Mesh({"payment-service": service})


def urls(contender: str, addresses: list[str]) -> Iterator[str]:
    """What each request asks for: bare httpx has to name the endpoint itself."""
    if contender == "meshlib":
        return itertools.repeat("http://payment-service/charge")
    return itertools.cycle([f"http://{address}/charge" for address in addresses])


async def run_async(contender: str, addresses: list[str], requests: int, concurrency: int, measure: Any) -> None:
    """`requests` GETs by `concurrency` tasks; `measure` brackets them, after a warm-up."""
    client: Any = meshlib.AsyncClient(mesh=mesh_of(addresses)) if contender == "meshlib" else httpx.AsyncClient()
    targets = urls(contender, addresses)

    async def worker(count: int) -> None:
        for _ in range(count):
            await client.get(next(targets), headers=HEADERS)

    async def all_of(total: int) -> None:
        await asyncio.gather(*(worker(total // concurrency) for _ in range(concurrency)))

    async with client:
        await all_of(max(concurrency * 2, 30))
        with measure:
            await all_of(requests)


def run_sync(contender: str, addresses: list[str], requests: int, concurrency: int, measure: Any) -> None:
    """`requests` GETs by `concurrency` threads."""
    client: Any = meshlib.Client(mesh=mesh_of(addresses)) if contender == "meshlib" else httpx.Client()
    targets, lock = urls(contender, addresses), threading.Lock()

    def worker(count: int) -> None:
        for _ in range(count):
            with lock:
                url = next(targets)
            client.get(url, headers=HEADERS)

    def all_of(total: int) -> None:
        threads = [threading.Thread(target=worker, args=(total // concurrency,)) for _ in range(concurrency)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    with client:
        all_of(max(concurrency * 2, 30))
        with measure:
            all_of(requests)


Runner = Callable[[str, list[str], int, int, Any], Awaitable[None] | None]
