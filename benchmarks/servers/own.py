"""Starts `backend.py`."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.real.process import Server

from benchmarks.servers.fleet import Fleet
from benchmarks.servers.ports import addresses, free_ports


def own(folder: Path, count: int) -> Fleet:
    """One process of ours that listens on `count` ports."""
    ports = free_ports(count)
    program = Path(__file__).with_name("backend.py")
    server = Server([sys.executable, str(program), *map(str, ports)], ports[-1], folder)
    return Fleet("our own server", addresses(ports), f"127.0.0.1:{ports[0]}", server)
