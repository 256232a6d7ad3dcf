"""What a careful team puts together by hand: httpx, tenacity, pybreaker, OpenTelemetry's instrumentation, a timeout.

Every part as its own documentation shows it: one `AsyncRetrying` a call, one breaker an endpoint, the instrumentation
on the client, `asyncio.timeout` round the call (sync: httpx's own timeout, for there is none that bounds a call).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx
import tenacity
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from pybreaker import CircuitBreaker, CircuitBreakerError

from benchmarks.contenders import AsyncGet, Kind, SyncGet
from benchmarks.contenders.rotation import HEADERS, Rotation
from benchmarks.contenders.stock import limits
from benchmarks.workload import Workload

TIMEOUT = 30.0  # seconds, as meshlib's deadline beside it


def retrying() -> dict[str, Any]:
    """The arguments of tenacity."""
    return {
        "stop": tenacity.stop_after_attempt(3),
        "wait": tenacity.wait_random_exponential(multiplier=0.025, max=1.0),
        "retry": tenacity.retry_if_exception_type((httpx.TransportError, httpx.HTTPStatusError, CircuitBreakerError)),
        "reraise": True,
    }


def breakers(work: Workload) -> dict[str, CircuitBreaker]:
    return {address: CircuitBreaker(fail_max=5, reset_timeout=30) for address in work.addresses}


@asynccontextmanager
async def _opened_async(work: Workload) -> AsyncIterator[AsyncGet]:
    turn, guards = Rotation(work.addresses), breakers(work)
    client = httpx.AsyncClient(**limits(httpx, work))
    HTTPXClientInstrumentor.instrument_client(client)

    async def get() -> httpx.Response:
        async with asyncio.timeout(TIMEOUT):
            async for attempt in tenacity.AsyncRetrying(**retrying()):
                with attempt:
                    address = turn()
                    with guards[address].calling():
                        response = await client.get(f"http://{address}{work.path}", headers=HEADERS)
                        if response.status_code >= 500:
                            response.raise_for_status()
        return response

    async with client:
        yield get


@contextmanager
def _opened_sync(work: Workload) -> Iterator[SyncGet]:
    turn, guards = Rotation(work.addresses), breakers(work)
    client = httpx.Client(timeout=TIMEOUT, **limits(httpx, work))
    HTTPXClientInstrumentor.instrument_client(client)

    def get() -> httpx.Response:
        for attempt in tenacity.Retrying(**retrying()):
            with attempt:
                address = turn()
                with guards[address].calling():
                    response = client.get(f"http://{address}{work.path}", headers=HEADERS)
                    if response.status_code >= 500:
                        response.raise_for_status()
        return response

    with client:
        yield get


def open_naive(kind: Kind, work: Workload) -> Any:
    return _opened_async(work) if kind == "async" else _opened_sync(work)
