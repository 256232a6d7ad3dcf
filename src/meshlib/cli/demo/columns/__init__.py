"""The three clients that are compared, each as short as its user would write it.

A column is an async context manager; `call` answers a response or raises, and leaves in `tries` the attempts it took.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

import httpx

SERVICE = "payment-service"
TIMEOUT = 1.0  # seconds: meshlib's deadline, and the others' timeout
COLUMNS = {"bare": "bare httpx", "careful": "careful httpx", "mesh": "meshlib"}  # module here: title


@dataclass(slots=True)
class Tries:
    """The attempts one call took."""

    count: int = 0


class Column(Protocol):
    """What the client process drives."""

    async def call(self, method: str, headers: dict[str, str], tries: Tries) -> httpx.Response:
        """One call of the payment service."""


def open_column(name: str, port: int, dns_port: int) -> AbstractAsyncContextManager[Column]:
    """The column of this name. port: of the replicas; dns_port: of the DNS server on 127.0.0.1."""
    opened: AbstractAsyncContextManager[Column] = import_module(f"{__name__}.{name}").column(port, dns_port)
    return opened
