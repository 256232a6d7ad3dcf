"""The load: a closed loop of `concurrency` tasks or threads, each making its next request when the last one ended."""

from __future__ import annotations

import asyncio
import threading
from time import perf_counter

from benchmarks.contenders import AsyncGet, Contender, SyncGet
from benchmarks.sampling import Sample, sampled
from benchmarks.workload import Workload


def measure_async(contender: Contender, work: Workload, concurrency: int) -> Sample:
    """One round of one contender: a new client, a warm-up, the measurement."""
    sample: Sample = {}

    async def run() -> None:
        async with contender.open("async", work) as get:
            await loop_async(get, warm_up(work, concurrency), concurrency, [])
            latencies: list[float] = []
            with sampled(sample, latencies, work):
                await loop_async(get, work.requests, concurrency, latencies)

    asyncio.run(run())
    return sample


def measure_sync(contender: Contender, work: Workload, concurrency: int) -> Sample:
    """The same with threads."""
    sample: Sample = {}
    with contender.open("sync", work) as get:
        loop_sync(get, warm_up(work, concurrency), concurrency, [])
        latencies: list[float] = []
        with sampled(sample, latencies, work):
            loop_sync(get, work.requests, concurrency, latencies)
    return sample


def warm_up(work: Workload, concurrency: int) -> int:
    """Enough for each task, and for each endpoint, to have its connections."""
    return max(3 * concurrency, 3 * len(work.addresses), 60, work.warm_up)


async def loop_async(get: AsyncGet, requests: int, concurrency: int, latencies: list[float]) -> None:
    """Appends the seconds that each request took. All tasks are busy until the last request has begun."""
    tickets = iter(range(requests))

    async def worker() -> None:
        for _ in tickets:
            started = perf_counter()
            response = await get()
            latencies.append(perf_counter() - started)
            expect(response.status_code)

    await asyncio.gather(*(worker() for _ in range(concurrency)))


def loop_sync(get: SyncGet, requests: int, concurrency: int, latencies: list[float]) -> None:
    """The same with threads. Each has its share, or the first would be through before the last has started."""
    failures: list[BaseException] = []

    def worker(count: int) -> None:
        try:
            for _ in range(count):
                started = perf_counter()
                response = get()
                latencies.append(perf_counter() - started)
                expect(response.status_code)
        except BaseException as error:  # noqa: BLE001 - raised by the thread that started it
            failures.append(error)

    threads = [threading.Thread(target=worker, args=(count,)) for count in shares(requests, concurrency)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def shares(requests: int, concurrency: int) -> list[int]:
    """How many requests each of the workers makes."""
    least, more = divmod(requests, concurrency)
    return [least + (n < more) for n in range(concurrency)]


def expect(status: int) -> None:
    if status != 200:
        raise RuntimeError(f"a benchmark must not measure failures: the server answered {status}")
