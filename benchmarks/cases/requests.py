"""Requests in a closed loop, by tasks or threads, through every contender."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.contenders import CONTENDERS
from benchmarks.load import measure_async, measure_sync
from benchmarks.rounds import Samples, interleaved, taking_part
from benchmarks.workload import Workload

SYNC = [name for name in CONTENDERS if name != "aiohttp"]


def requests_async(work: Workload, concurrency: int, names: Sequence[str] = tuple(CONTENDERS)) -> Samples:
    contenders = {one.name: one for one in taking_part(names, work)}
    return interleaved(contenders, work.rounds, lambda name: measure_async(contenders[name], work, concurrency))


def requests_sync(work: Workload, threads: int) -> Samples:
    contenders = {one.name: one for one in taking_part(SYNC, work)}
    return interleaved(contenders, work.rounds, lambda name: measure_sync(contenders[name], work, threads))
