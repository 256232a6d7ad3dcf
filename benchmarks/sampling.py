"""One measurement: what a number of requests cost the process that makes them."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.processes import cpu_seconds
from benchmarks.servers.counters import connections
from benchmarks.workload import Workload

Sample = dict[str, float]


@contextmanager
def sampled(into: Sample, latencies: list[float], work: Workload) -> Iterator[None]:
    """Fills `into` when the block ends.

    `cpu` and `wall` are µs a request, `p50` and `p99` µs, `connects` those a request as the server counted them,
    `proxy` the sidecar's CPU µs a request. latencies: seconds, one for each request of the block.
    """
    accepted, proxy = connections(work.status)[1], _proxy(work)
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    count, ranked = len(latencies), sorted(latencies)
    into.update(cpu=cpu / count * 1e6, wall=wall / count * 1e6)
    into.update(p50=ranked[count // 2] * 1e6, p99=ranked[int(count * 0.99)] * 1e6)
    # the second question to the server is a connection, too
    into["connects"] = (connections(work.status)[1] - accepted - 1) / count
    if proxy is not None and (after := _proxy(work)) is not None:
        into["proxy"] = (after - proxy) / count * 1e6


def _proxy(work: Workload) -> float | None:
    return cpu_seconds(work.envoy_pid) if work.envoy_pid else None
