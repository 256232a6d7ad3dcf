"""Requests in a closed loop, by tasks or threads, through every contender."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.contenders import CONTENDERS
from benchmarks.load import measure_async, measure_sync
from benchmarks.rounds import Samples, interleaved, taking_part
from benchmarks.workload import Workload

SYNC = [name for name in CONTENDERS if name != "aiohttp"]
CONNECTING = ("httpx", "httpx2", "aiohttp", "mesh", "mesh2")
STEADY = 1.5  # warm-up, as a part of the requests: enough for every client to have all the connections it wants


def requests_async(work: Workload, concurrency: int) -> Samples:
    contenders = {one.name: one for one in taking_part(CONTENDERS, work)}
    return interleaved(contenders, work.rounds, lambda name: measure_async(contenders[name], work, concurrency))


def requests_sync(work: Workload, threads: int) -> Samples:
    contenders = {one.name: one for one in taking_part(SYNC, work)}
    return interleaved(contenders, work.rounds, lambda name: measure_sync(contenders[name], work, threads))


def connects(work: Workload) -> Samples:
    """At c = 100 after a long warm-up: what is counted hardly varies, so three rounds do."""
    steady = replace(work, rounds=min(work.rounds, 3), warm_up=round(work.requests * STEADY))
    contenders = {one.name: one for one in taking_part(CONNECTING, steady)}
    return interleaved(contenders, steady.rounds, lambda name: measure_async(contenders[name], steady, 100))
