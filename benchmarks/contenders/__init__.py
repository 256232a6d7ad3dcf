"""Who is compared. Each is opened afresh for every round, and imported only when it takes part."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal

from benchmarks.workload import Workload

AsyncGet = Callable[[], Awaitable[Any]]
SyncGet = Callable[[], Any]
Kind = Literal["async", "sync"]


@dataclass(frozen=True, slots=True)
class Contender:
    """title: for the report. home: its module here, where `open_<name>` is. requires: the package it takes beyond the
    development group. sidecar: whether it goes through Envoy.
    """

    name: str
    title: str
    home: str
    requires: str = ""
    sidecar: bool = False

    def open(self, kind: Kind, work: Workload) -> Any:
        """A context manager, `async with` for async: entering it makes a new client and gives what makes a request."""
        return getattr(import_module(f"benchmarks.contenders.{self.home}"), f"open_{self.name}")(kind, work)

    def missing(self, work: Workload) -> str:
        """Why it cannot take part; empty when it can."""
        if self.sidecar and work.envoy is None:
            return "no Envoy"
        if self.requires and find_spec(self.requires) is None:
            return f"{self.requires} is not installed"
        return ""


CONTENDERS = {
    one.name: one
    for one in (
        Contender("httpx", "bare httpx", "stock"),
        Contender("httpx_one", "bare httpx, one endpoint", "stock"),
        Contender("httpx2", "bare httpx2", "stock"),
        Contender("aiohttp", "httpx-aiohttp", "aiohttp", requires="httpx_aiohttp"),
        Contender("naive", "naive composition", "naive"),
        Contender("envoy", "bare httpx through Envoy", "stock", sidecar=True),
        Contender("mesh", "meshlib", "mesh"),
        Contender("mesh2", "meshlib.httpx2", "mesh"),
    )
}
