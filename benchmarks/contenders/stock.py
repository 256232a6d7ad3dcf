"""Bare httpx and httpx2: over all endpoints in turn, on one of them, and through a sidecar."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from benchmarks.contenders import AsyncGet, Kind, SyncGet
from benchmarks.contenders.rotation import HEADERS, Rotation, urls
from benchmarks.workload import Workload


@asynccontextmanager
async def rotating_async(client: Any, addresses: list[str], work: Workload) -> AsyncIterator[AsyncGet]:
    """One plain client over these endpoints."""
    turn = Rotation(urls(addresses, work))
    async with client:
        yield lambda: client.get(turn(), headers=HEADERS)


@contextmanager
def rotating_sync(client: Any, addresses: list[str], work: Workload) -> Iterator[SyncGet]:
    turn = Rotation(urls(addresses, work))
    with client:
        yield lambda: client.get(turn(), headers=HEADERS)


def limits(library: Any, work: Workload) -> dict[str, Any]:
    """The client's argument for its number of connections; none where it keeps its default."""
    count = work.connections
    return {} if count is None else {"limits": library.Limits(max_connections=count, max_keepalive_connections=count)}


def bare(library: Any, kind: Kind, addresses: list[str], work: Workload) -> Any:
    """The plain client of httpx or httpx2."""
    if kind == "async":
        return rotating_async(library.AsyncClient(**limits(library, work)), addresses, work)
    return rotating_sync(library.Client(**limits(library, work)), addresses, work)


def open_httpx(kind: Kind, work: Workload) -> Any:
    import httpx

    return bare(httpx, kind, work.addresses, work)


def open_httpx_one(kind: Kind, work: Workload) -> Any:
    import httpx

    return bare(httpx, kind, work.addresses[:1], work)


def open_httpx2(kind: Kind, work: Workload) -> Any:
    import httpx2

    return bare(httpx2, kind, work.addresses, work)


def open_envoy(kind: Kind, work: Workload) -> Any:
    import httpx

    assert work.envoy is not None
    return bare(httpx, kind, [work.envoy], work)
