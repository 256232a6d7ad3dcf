"""What a case is told: where its servers are, and how much it measures. It travels to the case's process as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Workload:
    """addresses: host:port of the endpoints. status: host:port that tells the server's counters.

    envoy: host:port of a sidecar over the same endpoints, None without one; envoy_pid: its process. path: what is asked
    for. rounds: of each contender. requests: of one contender in one round. connections: how many the client may pool,
    None for the contender's own default. warm_up: at least so many requests before each measurement. contenders: only
    these, all the case knows when empty.
    """

    addresses: list[str] = field(default_factory=list)
    status: str = ""
    envoy: str | None = None
    envoy_pid: int | None = None
    path: str = "/charge"
    rounds: int = 7
    requests: int = 1000
    connections: int | None = None
    warm_up: int = 0
    contenders: list[str] = field(default_factory=list)
