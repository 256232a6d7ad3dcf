"""httpx's client on aiohttp's connections, by the transport of the package httpx-aiohttp. Async only."""

from __future__ import annotations

from typing import Any

import httpx
from httpx_aiohttp import AiohttpTransport

from benchmarks.contenders import Kind
from benchmarks.contenders.stock import limits, rotating_async
from benchmarks.workload import Workload


def open_aiohttp(kind: Kind, work: Workload) -> Any:
    if kind == "sync":
        raise ValueError("aiohttp has no sync client")
    client = httpx.AsyncClient(transport=AiohttpTransport(**limits(httpx, work)))
    return rotating_async(client, work.addresses, work)
