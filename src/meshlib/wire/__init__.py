"""Sockets: which one an attempt uses, and what bounds it. `route` and `unroute` put the wire under a live transport."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshlib.wire.private import below_instrumentation, pool_of, pool_settings, set_pool
from meshlib.wire.router import RouterCore
from meshlib.wire.supply import bury

if TYPE_CHECKING:
    from meshlib.library import Library

__all__ = ["bury", "is_routed", "route", "unroute"]


def is_routed(transport: Any) -> bool:
    """Whether attempts on this transport can be sent to an endpoint."""
    return isinstance(pool_of(below_instrumentation(transport)), RouterCore)


def route(transport: Any, library: Library) -> bool:
    """Put our router under `transport`, in the place of its stock pool and with that pool's settings.

    Returns False, and changes nothing, when the transport is not httpx's own or goes through a proxy.
    """
    stock = pool_of(transport)
    if type(stock) is library.core.ConnectionPool:
        set_pool(transport, _classes(library).Router(stock, pool_settings(stock)))
    elif type(stock) is library.core.AsyncConnectionPool:
        set_pool(transport, _classes(library).AsyncRouter(stock, pool_settings(stock)))
    else:
        return False
    return True


def unroute(transport: Any) -> None:
    """Give the transport its stock pool back. Streams in flight finish; what our router still holds closes with it."""
    router = pool_of(transport)
    if isinstance(router, RouterCore):
        set_pool(transport, router.stock)
        close_with(router.stock, router)


def close_with(stock: Any, router: Any) -> None:
    """Let the next close of `stock` close `router` too, and be its plain self again.

    A router closes its stock pool, so one that an earlier `unroute` left is closed by the same close.
    """
    name = "aclose" if hasattr(stock, "aclose") else "close"
    earlier = stock.__dict__.get(name)

    def close() -> Any:
        if earlier is None:
            del stock.__dict__[name]
        else:
            stock.__dict__[name] = earlier
        return getattr(router, name)()

    stock.__dict__[name] = close


def _classes(library: Library) -> Any:
    if library.core.__name__ == "httpcore":
        from meshlib.wire import on_httpcore as classes
    else:
        from meshlib.wire import on_httpcore2 as classes  # type: ignore[no-redef]
    return classes
