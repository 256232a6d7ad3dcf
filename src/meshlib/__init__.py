"""What a service mesh gives a client, inside the process, behind the httpx client it already uses.

General layout: `door` is where a request enters, `pipeline` holds the order of the layers, `layers/<name>/` one concern
each, `wire/` the sockets, `discovery/` where endpoints come from, `mesh` what clients share. Only what stands in
`__all__` is public. What costs time to import is looked up at its first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from meshlib.client import AsyncClient, Client
from meshlib.errors import (
    CircuitOpen,
    ConfigError,
    DeadlineExceeded,
    MeshError,
    NoEndpoints,
    NoRoute,
    PipelineError,
    RequestRefused,
    ResponseTooLarge,
)
from meshlib.journal import AttemptRecord, Journal, journal
from meshlib.transport import AsyncHTTPTransport, HTTPTransport

if TYPE_CHECKING:
    from meshlib.call import Call
    from meshlib.config.options import options
    from meshlib.config.service import Service
    from meshlib.layer import Handler, Layer, Response
    from meshlib.layers.attempt.config import Attempt
    from meshlib.layers.balance.config import Balance
    from meshlib.layers.breaker.config import Breaker
    from meshlib.layers.deadline.config import Deadline
    from meshlib.layers.retry.config import Backoff, Budget, Retry
    from meshlib.layers.tracing.config import Tracing
    from meshlib.mesh import Mesh
    from meshlib.wire.config import Tls, Wire
    from meshlib.wrapping import unwrap, wrap

__version__ = "0.1.0"

__all__ = [
    # clients, and what puts the mesh into things that exist already
    "Client",
    "AsyncClient",
    "HTTPTransport",
    "AsyncHTTPTransport",
    "wrap",
    "unwrap",
    # configuration
    "Mesh",
    "Service",
    "Retry",
    "Backoff",
    "Budget",
    "Deadline",
    "Attempt",
    "Balance",
    "Breaker",
    "Tracing",
    "Wire",
    "Tls",
    "options",
    # what happened
    "journal",
    "Journal",
    "AttemptRecord",
    # errors
    "MeshError",
    "DeadlineExceeded",
    "NoEndpoints",
    "NoRoute",
    "CircuitOpen",
    "RequestRefused",
    "ResponseTooLarge",
    "ConfigError",
    "PipelineError",
    # to write a layer
    "Layer",
    "Handler",
    "Response",
    "Call",
]

_HOME = {
    "wrap": "wrapping",
    "unwrap": "wrapping",
    "Mesh": "mesh",
    "Service": "config.service",
    "options": "config.options",
    "Retry": "layers.retry.config",
    "Backoff": "layers.retry.config",
    "Budget": "layers.retry.config",
    "Deadline": "layers.deadline.config",
    "Attempt": "layers.attempt.config",
    "Balance": "layers.balance.config",
    "Breaker": "layers.breaker.config",
    "Tracing": "layers.tracing.config",
    "Wire": "wire.config",
    "Tls": "wire.config",
    "Layer": "layer",
    "Handler": "layer",
    "Response": "layer",
    "Call": "call",
}


def __getattr__(name: str) -> Any:
    if name in ("httpx2", "testing"):
        return import_module(f"{__name__}.{name}")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value
