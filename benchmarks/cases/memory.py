"""Resident memory of a client with 100 connections, each in a fresh interpreter, and of the sidecar beside it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, replace

from benchmarks.processes import resident_mib
from benchmarks.rounds import Samples, interleaved, taking_part
from benchmarks.workload import Workload

CONTENDERS = ("httpx", "httpx2", "naive", "mesh", "mesh2")
ROUNDS = 3  # memory hardly varies
SIDECAR = "Envoy, after all cases before"


def memory(work: Workload) -> Samples:
    """`rss` and `pooled` as `probe.py` tells them; SIDECAR has what Envoy holds."""
    names = [one.name for one in taking_part(CONTENDERS, work)]
    samples = interleaved(names, min(work.rounds, ROUNDS), lambda name: _measure(name, replace(work, connections=100)))
    if work.envoy_pid is not None and (held := resident_mib(work.envoy_pid)) is not None:
        samples[SIDECAR] = {"rss": [held]}
    return samples


def _measure(name: str, work: Workload) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.cases.probe", name]
    told = json.dumps(asdict(work))
    done = subprocess.run(command, input=told, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found
