"""Whether a request costs more when many connections are pooled: one at a time to one endpoint, 1 and 512 of them idle.

The connections are made by as many requests at once, and a connection's first request is answered late, so none is free
before the last has been dialled. Bare httpx stands beside it with 128 only: with 512 a request of its takes 70 ms.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from benchmarks.contenders import CONTENDERS
from benchmarks.load import loop_async
from benchmarks.rounds import Samples, interleaved
from benchmarks.sampling import Sample, sampled
from benchmarks.servers.counters import connections
from benchmarks.workload import Workload

POOLED = {"mesh 1": 1, "mesh 512": 512, "httpx 1": 1, "httpx 128": 128}
ROUNDS = 5  # each makes 512 connections anew, which takes as long as all that is measured


def flatness(work: Workload) -> Samples:
    return interleaved(POOLED, min(work.rounds, ROUNDS), lambda name: _measure(name, POOLED[name], work))


def _measure(name: str, count: int, work: Workload) -> Sample:
    """`pooled` is how many of the client's connections the server held open when the measurement ended."""
    contender = CONTENDERS[name.partition(" ")[0]]
    sample: Sample = {}
    others = connections(work.status)[0]

    async def run() -> None:
        async with contender.open("async", replace(work, connections=count)) as get:
            await loop_async(get, count, count, [])
            latencies: list[float] = []
            with sampled(sample, latencies, work):
                await loop_async(get, work.requests, 1, latencies)
            sample["pooled"] = connections(work.status)[0] - others

    asyncio.run(run())
    return sample
