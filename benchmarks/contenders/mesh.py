"""meshlib, all default layers on and a deadline, on httpx and on httpx2."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import meshlib
from benchmarks.contenders import AsyncGet, Kind, SyncGet
from benchmarks.contenders.rotation import HEADERS
from benchmarks.contenders.stock import limits
from benchmarks.workload import Workload


def mesh_of(work: Workload) -> meshlib.Mesh:
    """A static set of endpoints and a deadline; all else is the default."""
    wire = {} if work.connections is None else {"wire": meshlib.Wire(max_connections=work.connections)}
    deadline = meshlib.Deadline(timeout=30.0)
    service = meshlib.Service("static://" + ",".join(work.addresses), deadline=deadline, **wire)
    return meshlib.Mesh({"payment-service": service})


@asynccontextmanager
async def _opened_async(library: Any, stock: Any, work: Workload) -> AsyncIterator[AsyncGet]:
    url = f"http://payment-service{work.path}"
    with mesh_of(work) as mesh:
        async with library.AsyncClient(mesh=mesh, **limits(stock, work)) as client:
            yield lambda: client.get(url, headers=HEADERS)


@contextmanager
def _opened_sync(library: Any, stock: Any, work: Workload) -> Iterator[SyncGet]:
    url = f"http://payment-service{work.path}"
    with mesh_of(work) as mesh, library.Client(mesh=mesh, **limits(stock, work)) as client:
        yield lambda: client.get(url, headers=HEADERS)


def open_mesh(kind: Kind, work: Workload) -> Any:
    import httpx

    return _opened_async(meshlib, httpx, work) if kind == "async" else _opened_sync(meshlib, httpx, work)


def open_mesh2(kind: Kind, work: Workload) -> Any:
    import httpx2

    ours = meshlib.httpx2
    return _opened_async(ours, httpx2, work) if kind == "async" else _opened_sync(ours, httpx2, work)
