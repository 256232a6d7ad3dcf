"""httpx in careful hands: tenacity tries a GET up to three times, on the next replica each time, with jitter between.

A POST is tried once: after an error nobody can say whether it ran.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    retry_if_result,
    stop_after_attempt,
    wait_random_exponential,
)

from meshlib.cli.demo.columns import SERVICE, TIMEOUT, Column, Tries
from meshlib.cli.demo.rotation import Rotation


@asynccontextmanager
async def column(port: int, dns_port: int) -> AsyncIterator[Column]:
    """Careful httpx."""
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=100)
    async with (
        Rotation(SERVICE, dns_port) as rotation,
        httpx.AsyncClient(timeout=TIMEOUT, limits=limits, headers={"Host": SERVICE}, trust_env=False) as client,
    ):
        yield _Careful(client, rotation, port)


class _Careful:
    def __init__(self, client: httpx.AsyncClient, rotation: Rotation, port: int) -> None:
        self._client, self._rotation, self._port = client, rotation, port
        self._retrying = AsyncRetrying(
            stop=stop_after_attempt(3),
            wait=wait_random_exponential(multiplier=0.025, max=1.0),
            retry=retry_if_exception_type(httpx.TransportError) | retry_if_result(_server_failed),
            retry_error_callback=_last_outcome,
        )

    async def call(self, method: str, headers: dict[str, str], tries: Tries) -> httpx.Response:
        if method == "GET":
            # A copy, because one AsyncRetrying keeps the statistics of one call at a time.
            return await self._retrying.copy()(self._attempt, method, headers, self._rotation.turns(), tries)
        return await self._attempt(method, headers, self._rotation.turns(), tries)

    async def _attempt(
        self, method: str, headers: dict[str, str], turns: Iterator[str], tries: Tries
    ) -> httpx.Response:
        tries.count += 1
        url = f"http://{next(turns)}:{self._port}/charge"
        return await self._client.request(method, url, headers=headers)


def _server_failed(response: httpx.Response) -> bool:
    return response.status_code >= 500


def _last_outcome(state: RetryCallState) -> httpx.Response:
    """When the attempts are used up: the last response, or its exception raised."""
    assert state.outcome is not None
    response: httpx.Response = state.outcome.result()
    return response
