"""httpx as it comes: the replicas take turns, every call gets one attempt and a timeout."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from meshlib.cli.demo.columns import SERVICE, TIMEOUT, Column, Tries
from meshlib.cli.demo.rotation import Rotation


@asynccontextmanager
async def column(port: int, dns_port: int) -> AsyncIterator[Column]:
    """Bare httpx."""
    async with (
        Rotation(SERVICE, dns_port) as rotation,
        httpx.AsyncClient(timeout=TIMEOUT, headers={"Host": SERVICE}, trust_env=False) as client,
    ):
        yield _Bare(client, rotation, port)


class _Bare:
    def __init__(self, client: httpx.AsyncClient, rotation: Rotation, port: int) -> None:
        self._client, self._rotation, self._port = client, rotation, port

    async def call(self, method: str, headers: dict[str, str], tries: Tries) -> httpx.Response:
        tries.count = 1
        url = f"http://{next(self._rotation.turns())}:{self._port}/charge"
        return await self._client.request(method, url, headers=headers)
