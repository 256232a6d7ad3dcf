"""The pool under a client's transport: it sends each attempt to the pool of its endpoint.

A genuine subclass of httpcore's pool, so that everything which looks at or patches `_pool` goes on working. Requests
without an attempt, and attempts without an endpoint, are served by the inherited pool as in httpx.
"""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, Any

import anyio

from meshlib.wire.body import Released
from meshlib.wire.current import ATTEMPT, current, encoded
from meshlib.wire.private import mocker_behind

if TYPE_CHECKING:
    from meshlib.call import Attempt, Call

Key = tuple[str, bytes, bytes, int | None, int]
SCHEMES = frozenset({b"http", b"https", b"ws", b"wss"})
"""Those that httpcore's pool takes."""

SWEEP = 1.0
"""Seconds between two looks for pools whose endpoint has left: not at every attempt, for there may be many pools."""


HTTPX_KEEPALIVE = 20
"""httpx's default for idle connections, of a whole client. A pool that carries more requests than that at once would
close and dial again all the time, since httpcore compares it with all connections and not with the idle ones."""


class RouterCore:
    """What both routers share: endpoint pools, keyed by (endpoint, origin of the URL, TLS context).

    The origin is part of the key, else a connection that was verified for one name would carry another's requests.
    `core` is httpcore or httpcore2, `backend` our backend class, `pool` the stock pool class, `entry` the name of its
    method that takes a request.
    """

    core: Any
    backend: Any
    pool: Any
    entry: str

    def __init__(self, stock: Any, settings: dict[str, Any]) -> None:
        self.stock = stock
        shared = settings["http2"] and not settings["http1"]
        settings = {**settings, "network_backend": self.backend(settings["network_backend"], shared)}
        self._settings = settings
        self._waits = ("pool", "connect", "read", "write") if settings["http2"] else ("pool",)
        self._pools: dict[Key, tuple[Any, Any]] = {}
        self._pools_lock = threading.Lock()
        self._next_sweep = -math.inf
        super().__init__(**settings)

    def _endpoint_pool(self, attempt: Attempt, request: Any) -> Any:
        """The pool of the attempt's endpoint; made at its first use."""
        if request.url.scheme not in SCHEMES:  # in httpcore's words: its pool would say so, but is not asked
            raise self.core.UnsupportedProtocol(
                f"Request URL has an unsupported protocol '{request.url.scheme.decode('ascii')}://'."
            )
        endpoint, origin = attempt.endpoint, request.url.origin
        assert endpoint is not None
        tls = self._tls(attempt.call)
        key = (endpoint.name, origin.scheme, origin.host, origin.port, id(tls))
        found = self._pools.get(key)
        if found is None or found[1] is not endpoint:
            with self._pools_lock:
                found = self._pools.get(key)
                pool = found[0] if found else self._new_pool(attempt, tls)
                found = self._pools[key] = (pool, endpoint)  # it may have left and come back as a new object
        return found[0]

    def _tls(self, call: Call) -> Any:
        """The service's own context; None: the client's."""
        return None if call.tls is None else call.tls.context(call.library, http2=self._settings["http2"])

    def _new_pool(self, attempt: Attempt, tls: Any) -> Any:
        assert attempt.endpoint is not None
        settings = {**self._settings, "uds": attempt.endpoint.address.uds, "retries": 0}
        cap = attempt.call.max_connections
        settings["max_connections"] = min(settings["max_connections"], cap) if cap else settings["max_connections"]
        if settings["max_keepalive_connections"] == HTTPX_KEEPALIVE:
            settings["max_keepalive_connections"] = settings["max_connections"]
        if tls is not None:
            settings["ssl_context"] = tls
        return self.pool(**settings)

    def _retired(self, now: float) -> list[Any]:
        """Take out the pools of endpoints that discovery no longer knows, once nothing runs on them."""
        if now < self._next_sweep:
            return []
        self._next_sweep = now + SWEEP
        with self._pools_lock:
            gone = [key for key, (pool, endpoint) in self._pools.items() if endpoint.gone and not endpoint.in_flight]
            return [self._pools.pop(key)[0] for key in gone]

    def _take_pools(self) -> list[Any]:
        with self._pools_lock:
            pools = [pool for pool, _ in self._pools.values()]
            self._pools.clear()
            return pools

    def _clamped(self, attempt: Attempt, request: Any) -> Any:
        """Bound the wait for a connection, and on HTTP/2, whose stream is shared, every other wait of the attempt."""
        if attempt.deadline is None:
            return request
        left = max(attempt.deadline - attempt.runtime.now(), 0.0)
        timeouts = dict(request.extensions.get("timeout", {}))
        for name in self._waits:
            own = timeouts.get(name)
            if own is None or own > left:
                timeouts[name] = left
        request.extensions["timeout"] = timeouts  # the dict is the attempt's own, the timeouts in it are the caller's
        return request

    def _begin(self, attempt: Attempt, request: Any) -> None:
        """From here on it is known what was sent; not under a mock, which answers in the place of our streams."""
        if mocker_behind(getattr(self.pool, self.entry)) is None:
            attempt.sent = "nothing"
        if attempt.headers:
            ours = encoded(attempt.headers)
            names = {name.lower() for name, _ in ours}
            request.headers[:] = [*(header for header in request.headers if header[0].lower() not in names), *ours]
        if attempt.decorate is not None:
            attempt.decorate(attempt)

    def _returned(self, attempt: Attempt, response: Any) -> Any:
        """The headers have come: from here on the limit is that of the body."""
        attempt.returned = attempt.runtime.now()
        attempt.deadline = attempt.body_deadline
        response.stream = Released(response.stream, attempt, self.core, bounded=not self._settings["http2"])
        return response


class SyncRouterCore(RouterCore):
    """Mixed with the module's ConnectionPool."""

    entry = "handle_request"

    def handle_request(self, request: Any) -> Any:
        attempt = request.extensions.get(ATTEMPT)
        if attempt is None:
            return self._plain(request)
        self._begin(attempt, request)
        token = current.set(attempt)
        try:
            request = self._clamped(attempt, request)
            if attempt.endpoint is None:
                response = super().handle_request(request)  # type: ignore[misc]
            else:
                for pool in self._retired(attempt.runtime.now()):
                    pool.close()
                response = self._endpoint_pool(attempt, request).handle_request(request)
        finally:
            current.reset(token)
        return self._returned(attempt, response)

    def _plain(self, request: Any) -> Any:
        """A request of nobody's attempt, maybe sent by the body or a trace function of a request that has one."""
        token = current.set(None)
        try:
            return super().handle_request(request)  # type: ignore[misc]
        finally:
            current.reset(token)

    def close(self) -> None:
        for pool in [*self._take_pools(), self.stock]:
            pool.close()
        super().close()  # type: ignore[misc]


class AsyncRouterCore(RouterCore):
    """Mixed with the module's AsyncConnectionPool."""

    entry = "handle_async_request"

    async def handle_async_request(self, request: Any) -> Any:
        attempt = request.extensions.get(ATTEMPT)
        if attempt is None:
            return await self._plain(request)
        self._begin(attempt, request)
        token = current.set(attempt)
        try:
            request = self._clamped(attempt, request)
            if attempt.endpoint is None:
                response = await super().handle_async_request(request)  # type: ignore[misc]
            else:
                for pool in self._retired(attempt.runtime.now()):
                    with anyio.CancelScope(shield=True):
                        await pool.aclose()
                response = await self._endpoint_pool(attempt, request).handle_async_request(request)
        finally:
            current.reset(token)
        return self._returned(attempt, response)

    async def _plain(self, request: Any) -> Any:
        token = current.set(None)
        try:
            return await super().handle_async_request(request)  # type: ignore[misc]
        finally:
            current.reset(token)

    async def aclose(self) -> None:
        for pool in [*self._take_pools(), self.stock]:
            await pool.aclose()
        await super().aclose()  # type: ignore[misc]
