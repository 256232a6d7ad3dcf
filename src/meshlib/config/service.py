"""How a service is written in code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from meshlib.layers.attempt.config import Attempt
    from meshlib.layers.balance.config import Balance
    from meshlib.layers.breaker.config import Breaker
    from meshlib.layers.deadline.config import Deadline
    from meshlib.layers.retry.config import Retry
    from meshlib.layers.tracing.config import Tracing
    from meshlib.wire.config import Tls, Wire

    Table = Mapping[str, Any]


class Service:
    """One service of `Mesh(services={...})`: where its endpoints are, and what differs from the defaults.

    Args:
        discovery: a URL such as "static://10.0.0.1:8080,10.0.0.2:8080"; None dials the name of the request's URL.
        hosts: further names, with or without a port, that mean this service.
        endpoints: the fixed set as tables, `[{"address": "10.0.0.1:8080"}]`, in place of a static discovery URL.
        retry, deadline, ...: a section, a mapping of its fields, or False to switch it off.

    Nothing is checked here: the Mesh reports all problems of all sources together, as one ConfigError.
    """

    __slots__ = ("given",)

    def __init__(
        self,
        discovery: str | Sequence[str] | None = None,
        *,
        hosts: Sequence[str] | None = None,
        endpoints: Sequence[Table] | None = None,
        retry: Retry | Table | bool | None = None,
        deadline: Deadline | Table | bool | None = None,
        attempt: Attempt | Table | bool | None = None,
        balance: Balance | Table | bool | None = None,
        breaker: Breaker | Table | bool | None = None,
        tracing: Tracing | Table | bool | None = None,
        wire: Wire | Table | None = None,
        tls: Tls | Table | bool | None = None,
        **unknown: object,
    ) -> None:
        named = {
            "discovery": discovery,
            "hosts": hosts,
            "endpoints": endpoints,
            "retry": retry,
            "deadline": deadline,
            "attempt": attempt,
            "balance": balance,
            "breaker": breaker,
            "tracing": tracing,
            "wire": wire,
            "tls": tls,
        }
        self.given: dict[str, object] = {key: value for key, value in named.items() if value is not None} | unknown
        """What was given, by name."""

    def __repr__(self) -> str:
        return f"Service({', '.join(self.given)})"
