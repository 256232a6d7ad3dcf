"""All servers of a run, started once and stopped at its end, on the core that the client does not use."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import cores, pinned
from benchmarks.servers.envoy import Envoy, envoy
from benchmarks.servers.fleet import Fleet
from benchmarks.servers.nginx import nginx
from benchmarks.servers.own import own

ENDPOINTS = 64  # of each fleet; a case takes the first of them
BEHIND_ENVOY = (("fast", 3), ("fast", 64), ("slow", 3))


@dataclass(frozen=True, slots=True)
class Running:
    """fleets: `fast` answers at once, `slow` can delay. notes: what had to be left out."""

    fleets: dict[str, Fleet]
    envoy: Envoy | None
    notes: list[str]

    def sidecar(self, fleet: str, endpoints: int) -> str | None:
        """host:port of Envoy over these endpoints."""
        return self.envoy.addresses.get(f"{fleet}-{endpoints}") if self.envoy else None


@contextmanager
def running(foreign: bool) -> Iterator[Running]:
    """foreign: with nginx and Envoy; otherwise our own server only."""
    both = cores()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        with pinned(both[1] if both else None):
            started = _start(stack, Path(folder), foreign)
        yield started


def _start(stack: ExitStack, folder: Path, foreign: bool) -> Running:
    slow = own(_made(folder / "slow"), ENDPOINTS)
    stack.callback(slow.server.stop)
    quick = nginx(_made(folder / "nginx"), ENDPOINTS) if foreign else None
    if quick is not None:
        stack.callback(quick.server.stop)
    fleets = {"fast": quick or slow, "slow": slow}
    sidecar = envoy(_made(folder / "envoy"), _behind(fleets)) if foreign else None
    if sidecar is not None:
        stack.callback(sidecar.server.stop)
    return Running(fleets, sidecar, _notes(quick, sidecar))


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _behind(fleets: dict[str, Fleet]) -> dict[str, list[str]]:
    return {f"{name}-{count}": fleets[name].addresses[:count] for name, count in BEHIND_ENVOY}


def _notes(quick: Fleet | None, sidecar: Envoy | None) -> list[str]:
    notes = []
    if quick is None:
        notes.append("nginx could not be had: the fast backend is a small asyncio server of our own.")
    if sidecar is None:
        notes.append("Envoy could not be had: its rows are missing.")
    return notes
