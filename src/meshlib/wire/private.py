"""Every private name of httpx, httpcore and the mocking tools that meshlib relies on, and nothing else.

Each has a canary in `tests/wire/test_private.py`, which fails first when a release of theirs moves one. Overridden
private methods stand where their class does, and have their canaries in the same test: in `mixins.py`
`Client._send_single_request`, `_init_transport`, `_init_proxy_transport`, `_transport_for_url`. Those that the lean
`send()` stands in for are in `lean/private.py`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Container

POOL_SETTINGS = (
    "ssl_context",
    "max_connections",
    "max_keepalive_connections",
    "keepalive_expiry",
    "http1",
    "http2",
    "retries",
    "local_address",
    "uds",
    "socket_options",
    "network_backend",
)
"""Constructor arguments of httpcore's ConnectionPool that it keeps under the same name with an underscore."""

MOCKERS = ("respx", "respx2", "pytest_httpx", "pytest_httpx2", "vcr")
"""Packages that stand in the place of the wire in a test. A positive list: an unknown patch may be a tracer."""


_NOTHING: dict[str, str] = {}


def pool_of(transport: Any) -> Any:
    """The connection pool of a transport of httpx; None for every other transport."""
    return getattr(transport, "_pool", None)


def below_instrumentation(transport: Any) -> Any:
    """The transport that OpenTelemetry's own transports stand round; every other transport itself."""
    while type(transport).__module__.startswith("opentelemetry.instrumentation."):
        transport = transport._transport
    return transport


def is_proxy(transport: Any, library: Any) -> bool:
    """Whether a transport of httpx's own class sends everything to a proxy."""
    hx, core = library.hx, library.core
    pools = (core.HTTPProxy, core.SOCKSProxy, core.AsyncHTTPProxy, core.AsyncSOCKSProxy)
    return type(transport) in (hx.HTTPTransport, hx.AsyncHTTPTransport) and isinstance(pool_of(transport), pools)


def set_pool(transport: Any, pool: Any) -> None:
    """Put another pool under a live transport."""
    transport._pool = pool


def pool_settings(pool: Any) -> dict[str, Any]:
    """The constructor arguments with which a stock pool was made."""
    return {name: getattr(pool, f"_{name}") for name in POOL_SETTINGS}


def is_default_backend(backend: Any, core: Any) -> bool:
    """Whether httpcore would dial with what it takes where nobody chooses. AutoBackend has no public name."""
    return type(backend) is core.SyncBackend or (
        type(backend).__name__ == "AutoBackend" and type(backend).__module__.partition(".")[0] == core.__name__
    )


def own_transport(client: Any) -> Any:
    """The transport a client uses where no mount matches."""
    return client._transport


def mounts(client: Any) -> dict[Any, Any]:
    """Pattern to transport (None: the client's own), as the constructor built it."""
    found: dict[Any, Any] = client._mounts
    return found


def is_closed(client: Any) -> bool:
    """Whether a client was closed; a closed one must not be wrapped."""
    return bool(client.is_closed)


def decoded_codings(hx: Any) -> Container[str]:
    """The content codings that responses of httpx are freed of; brotli and zstd only where they are installed."""
    known: dict[str, Any] = hx._decoders.SUPPORTED_DECODERS
    return known


def mocker_of(library: Any) -> str | None:
    """The mocking tool that owns the wire at the moment, or None.

    `functools.wraps` makes `__module__` lie (VCR.py), so the functions' globals are asked.
    """
    functions = _patched_methods(library.hx, library.core)
    seen = _seen.get(library)
    if seen is None or functions != seen[0]:  # compared by identity: patching is rare, and asking is frequent
        seen = _seen[library] = (functions, next(filter(None, map(mocker_behind, functions)), None))
    return seen[1]


def mocker_behind(function: Any) -> str | None:
    """The mocking tool that a function belongs to, or None."""
    return _mocker(getattr(function, "__globals__", _NOTHING).get("__name__", ""))


@lru_cache(maxsize=256)
def _mocker(module: str) -> str | None:
    package = module.partition(".")[0]
    return package if package in MOCKERS else None


_seen: dict[Any, tuple[tuple[Any, ...], str | None]] = {}


def _patched_methods(hx: Any, core: Any) -> tuple[Any, ...]:
    """The functions that stand where mocking tools put theirs."""
    return (
        hx.HTTPTransport.handle_request,
        hx.AsyncHTTPTransport.handle_async_request,
        hx.Client._transport_for_url,
        hx.AsyncClient._transport_for_url,
        core.ConnectionPool.handle_request,
        core.AsyncConnectionPool.handle_async_request,
        core.HTTPConnection.handle_request,
        core.AsyncHTTPConnection.handle_async_request,
    )
