"""`python -m benchmarks.cases.probe CONTENDER`: a process that holds 100 connections and tells its memory.

The workload comes as JSON on standard input.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys

from benchmarks.contenders import CONTENDERS
from benchmarks.load import loop_async
from benchmarks.processes import resident_mib
from benchmarks.servers.counters import connections
from benchmarks.workload import Workload


async def probe(name: str, work: Workload) -> dict[str, float]:
    """`rss` in MiB, and `pooled`: how many of its connections the server held open then."""
    others = connections(work.status)[0]
    count = work.connections or 1
    async with CONTENDERS[name].open("async", work) as get:
        await loop_async(get, count, count, [])
        gc.collect()
        return {"rss": resident_mib() or 0.0, "pooled": connections(work.status)[0] - others}


if __name__ == "__main__":
    json.dump(asyncio.run(probe(sys.argv[1], Workload(**json.load(sys.stdin)))), sys.stdout)
