"""Runs cases: servers once for all of them, then each case in a process of its own on the client's core."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from benchmarks.cases import CASES, Case
from benchmarks.machine import ROOT, cores, pinned
from benchmarks.rounds import Samples
from benchmarks.servers.running import Running, running
from benchmarks.workload import Workload


@dataclass(frozen=True, slots=True)
class Run:
    """samples: by case. failed: the cases that have none. notes: what a reader must know of the servers."""

    samples: dict[str, Samples]
    failed: list[str]
    notes: list[str]


def run(names: Iterable[str], rounds: int, share: float, foreign: bool, contenders: list[str]) -> Run:
    """One case after the other; one that fails has said why on standard error, and the others go on.

    share: of each case's requests. foreign: with nginx and Envoy. contenders: only these, all when empty.
    """
    chosen, found, failed = [CASES[name] for name in names], {}, []
    with running(foreign) as servers:
        for number, case in enumerate(chosen, 1):
            sys.stderr.write(f"[{number}/{len(chosen)}] {case.title} ")
            sys.stderr.flush()
            started = time.perf_counter()
            try:
                found[case.name] = measured(case, workload(case, servers, rounds, share, contenders))
            except subprocess.CalledProcessError:
                failed.append(case.name)
            sys.stderr.write(f" {time.perf_counter() - started:.0f} s\n")
        return Run(found, failed, servers.notes)


def workload(case: Case, servers: Running, rounds: int, share: float, contenders: list[str]) -> Workload:
    """What the case is told."""
    asked = Workload(
        path=case.path, rounds=rounds, requests=max(10, round(case.requests * share)), contenders=contenders
    )
    if not case.fleet:
        return asked
    fleet, sidecar = servers.fleets[case.fleet], servers.envoy
    return Workload(
        **{
            **asdict(asked),
            "addresses": fleet.addresses[: case.endpoints],
            "status": fleet.status,
            "envoy": servers.sidecar(case.fleet, case.endpoints),
            "envoy_pid": sidecar.server.pid if sidecar else None,
        }
    )


def measured(case: Case, work: Workload) -> Samples:
    """Raises CalledProcessError when the case fails."""
    core = cores()
    with pinned(core[0] if core else None):
        command = [sys.executable, "-m", "benchmarks.child", case.name]
        done = subprocess.run(
            command, cwd=ROOT, input=json.dumps(asdict(work)), stdout=subprocess.PIPE, text=True, check=True
        )
    samples: Samples = json.loads(done.stdout)
    return samples
