"""Every gauge that must be 0 when nothing runs: what is not is named by `leftovers`, and nothing else is in it."""

from __future__ import annotations

import asyncio
import math
import os
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import sniffio
import trio

import meshlib
from meshlib.wire.private import own_transport, pool_of

FDS = Path("/proc/self/fd")

TURNS = 200
"""Turns of the loop, the later ones a millisecond apart, in which a closed socket is given back at the latest."""


def counts(client: Any) -> dict[str, int]:
    """Connections of a client: open = idle + active, and callers that dial or wait for one."""
    return dict(pool_of(own_transport(client)).counts())


def sockets(ports: frozenset[int], known: frozenset[str] = frozenset()) -> int:
    """Client sockets of this process to one of `ports`, or still unconnected and not `known` from before."""
    return sum(_is_ours(int(fd.name), ports, known) for fd in FDS.iterdir())


def known_sockets() -> frozenset[str]:
    """The sockets there are now, by the kernel's names."""
    return frozenset(filter(None, (_inode(int(fd.name)) for fd in FDS.iterdir())))


def _inode(fd: int) -> str | None:
    try:
        name = str((FDS / str(fd)).readlink())
    except OSError:  # closed by a server's thread in the meantime, or the listing's own
        return None
    return name if name.startswith("socket:") else None


def _is_ours(fd: int, ports: frozenset[int], known: frozenset[str]) -> bool:
    inode = _inode(fd)
    if inode is None or inode in known:
        return False
    try:
        sock = socket.socket(fileno=os.dup(fd))
    except OSError:
        return False
    with sock:
        if sock.family not in (socket.AF_INET, socket.AF_INET6):
            return False
        try:
            if sock.getsockname()[1] in ports:
                return False  # the server's side
            return sock.getpeername()[1] in ports
        except OSError:
            return True  # dialling, or reset and not closed


@dataclass
class Before:
    """What there was before a client did anything, to compare with afterwards."""

    ports: frozenset[int]
    known: frozenset[str] = field(default_factory=known_sockets)
    tasks: int = 0

    def __post_init__(self) -> None:
        self.tasks = tasks()


def tasks() -> int:
    """Tasks of the running loop; 0 without one."""
    match _library():
        case "trio":
            return trio.lowlevel.current_statistics().tasks_living
        case "asyncio":
            return len(asyncio.all_tasks())
    return 0


def timers() -> int:
    """Timers that are set in the running loop. trio tells no number: one if there is any."""
    match _library():
        case "trio":
            return int(trio.lowlevel.current_statistics().seconds_to_next_deadline != math.inf)
        case "asyncio":
            scheduled: list[asyncio.TimerHandle] = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
            return sum(not timer.cancelled() for timer in scheduled)
    return 0


def _library() -> str | None:
    try:
        return sniffio.current_async_library()
    except sniffio.AsyncLibraryNotFoundError:
        return None


def leftovers(client: Any, mesh: meshlib.Mesh, before: Before) -> dict[str, Any]:
    """What is not at rest, by name; empty when everything is."""
    now = counts(client)
    found: dict[str, Any] = {name: now[name] for name in ("active", "dialling", "waiting") if now.get(name)}
    if now["open"] != now["idle"]:
        found["counts"] = now
    if (have := sockets(before.ports, before.known)) != now["idle"]:
        found["sockets"] = f"{have}, {now['idle']} of them idle connections"
    if (more := tasks() - before.tasks) > 0:
        found["tasks"] = more
    if (set_ := timers()) > now["idle"]:  # each idle connection may have one
        found["timers"] = set_
    for name, service in mesh.snapshot().items():
        for endpoint, state in service["endpoints"].items():
            if state["in_flight"]:
                found[f"in flight at {name} {endpoint}"] = state["in_flight"]
    return found


async def settled(client: Any, mesh: meshlib.Mesh, before: Before) -> dict[str, Any]:
    """`leftovers`, given the loop the turns that closing a socket takes."""
    for turn in range(TURNS):
        found = leftovers(client, mesh, before)
        if not found:
            break
        await anyio.sleep(0 if turn < TURNS // 2 else 0.001)
    return found
