"""A started server, as the cases see it."""

from __future__ import annotations

from dataclasses import dataclass

from tests.real.process import Server


@dataclass(frozen=True, slots=True)
class Fleet:
    """title: for the report. addresses: its endpoints. status: where it tells its counters, host:port."""

    title: str
    addresses: list[str]
    status: str
    server: Server
