"""meshlib with a deadline and nothing else set: discovery, balancing, retries and breakers are the defaults."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

import meshlib
from meshlib.cli.demo.columns import SERVICE, TIMEOUT, Column, Tries


@asynccontextmanager
async def column(port: int, dns_port: int) -> AsyncIterator[Column]:
    """The product."""
    service = meshlib.Service(f"dns://127.0.0.1:{dns_port}/{SERVICE}", deadline=meshlib.Deadline(timeout=TIMEOUT))
    mesh = meshlib.Mesh(services={SERVICE: service})
    async with meshlib.AsyncClient(mesh=mesh, trust_env=False) as client:
        yield _Mesh(client, f"http://{SERVICE}:{port}/charge")
    mesh.close()


class _Mesh:
    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client, self._url = client, url

    async def call(self, method: str, headers: dict[str, str], tries: Tries) -> httpx.Response:
        try:
            response = await self._client.request(method, self._url, headers=headers)
        except httpx.HTTPError as error:
            tries.count = _attempts(error)
            raise
        tries.count = _attempts(response)
        return response


def _attempts(outcome: httpx.Response | httpx.HTTPError) -> int:
    journal = meshlib.journal(outcome)
    assert journal is not None, f"no journal with {outcome!r}"
    return len(journal.attempts)
