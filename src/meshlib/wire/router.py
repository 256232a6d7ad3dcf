"""The pool under a client's transport: it sends each attempt over a connection to its endpoint.

A genuine subclass of httpcore's pool, so that everything which looks at or patches `_pool` goes on working. What it
inherits is not used: requests without an attempt go over pools of ours as well, without an endpoint.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from meshlib.runtime.clock import now
from meshlib.runtime.context import restore
from meshlib.runtime.sync import complete
from meshlib.wire import stock
from meshlib.wire.answer import Answer
from meshlib.wire.body import Body, Whole
from meshlib.wire.connection import Connection
from meshlib.wire.current import ATTEMPT, current, encoded, remaining, sooner
from meshlib.wire.dial import PORTS
from meshlib.wire.http2 import Multiplexed
from meshlib.wire.outgoing import Outgoing
from meshlib.wire.private import mocker_behind
from meshlib.wire.supply import Supply

if TYPE_CHECKING:
    from meshlib.call import Attempt
    from meshlib.wire.home import Home
    from meshlib.wire.kind import AsyncKind, SyncKind


class RouterCore:
    """What both routers share. `core` is httpcore or httpcore2, `backend` our backend class, `pool` the stock pool
    class with our backend, for when httpcore is patched.
    """

    core: Any
    backend: Any
    pool: Any
    kind: AsyncKind | SyncKind

    def __init__(self, stock_pool: Any, settings: dict[str, Any]) -> None:
        self.stock = stock_pool
        shared = settings["http2"] and not settings["http1"]
        chosen = settings["network_backend"]
        settings = {**settings, "network_backend": self.backend(chosen, shared, bare=False)}
        super().__init__(**settings)
        self._settings = settings
        self._waits = ("pool", "connect", "read", "write") if settings["http2"] else ("pool",)
        self.supply = Supply(self.kind, settings, self.backend(chosen, shared, bare=not settings["http2"]))
        self._patched = stock.Patched(self.kind)
        self._multiplexed = Multiplexed(self.kind, prior=shared) if settings["http2"] else None
        self._log = logging.getLogger(f"{self.core.__name__}.http11")

    def counts(self) -> dict[str, int]:
        """Connections of this client: open = idle + active + dialling; who waits for one; pools that hold them."""
        return self.supply.counts()

    @property
    def connections(self) -> list[Any]:
        """Those of this client, idle or in use. What is inherited would tell of none."""
        with self.supply.slots:
            return list(self.supply.slots.connections)

    def __repr__(self) -> str:
        """In httpcore's words."""
        counts = self.counts()
        active = counts["active"] + counts["dialling"]
        requests = f"Requests: {active} active, {counts['waiting']} queued"
        return f"<{type(self).__name__} [{requests} | Connections: {active} active, {counts['idle']} idle]>"

    async def exchange(self, attempt: Attempt | None, request: Outgoing) -> Answer:
        """Send `request` to the endpoint of `attempt`, or to the URL's own host.

        Raises httpcore's errors. Of a body that has come whole nothing is left to release.
        """
        if request.scheme not in PORTS:  # in httpcore's words
            raise self.core.UnsupportedProtocol(
                f"Request URL has an unsupported protocol '{request.scheme.decode('ascii')}://'."
                if request.scheme
                else "Request URL is missing an 'http://' or 'https://' protocol."
            )
        home = await self.supply.home()
        if self._patched():
            return await self._by_stock(attempt, request, home)
        if attempt is not None:
            attempt.sent = "nothing"
            _prepare(attempt, request)
        if self._multiplexed is not None:
            return await self._over_http2(self._multiplexed, attempt, request, home)
        tls = self.supply.tls(attempt)
        pool = self.supply.pool(attempt, request, home, tls, now())
        connection = await self.supply.free(pool, attempt, request, tls)
        return await self._over_http1(connection, attempt, request)

    async def _over_http1(self, connection: Connection, attempt: Attempt | None, request: Outgoing) -> Answer:
        connection.stream.attempt = attempt
        if attempt is not None:
            attempt.reused, attempt.peer = connection.used, connection.peer
        if stock.is_unusual(request, self._log):
            answer = await stock.exchange(connection, request)
        else:
            streamed = attempt is None or attempt.call.flow.stream
            answer = await connection.exchange(request, request.timeouts, hold=streamed)
            if attempt is not None and answer.body is None and connection.has_answered:
                attempt.release()  # the endpoint is done, whenever the body is read
        return self._returned(attempt, answer, bounded=True)

    async def _over_http2(
        self, multiplexed: Multiplexed, attempt: Attempt | None, request: Outgoing, home: Home
    ) -> Answer:
        tls = self.supply.tls(attempt)
        pool = self.supply.pool(attempt, request, home, tls, now())
        obtain = partial(self.supply.free, pool, attempt, request, tls)
        while True:
            taken = await multiplexed.take(pool, obtain, self.supply.left(attempt, request, "connect"))
            if isinstance(taken, Connection):
                return await self._over_http1(taken, attempt, request)
            if attempt is not None:
                attempt.reused, attempt.peer = taken.connection.used, taken.connection.peer
            answer = await multiplexed.exchange(taken, attempt, request)
            if answer is not None:
                return self._returned(attempt, answer, bounded=False)

    async def _by_stock(self, attempt: Attempt | None, request: Outgoing, home: Home) -> Answer:
        """Over a pool of httpcore's, where somebody's patch shall see the request."""
        if attempt is not None:
            if mocker_behind(self._patched.function()) is None:
                attempt.sent = "nothing"
            _prepare(attempt, request)
            request.extensions = self._clamped(attempt, request)
        pool = self._stock_pool(attempt, request, home)
        token = current.set(attempt)
        try:
            response = await self.kind.handle(pool, stock.core_request(self.core, request))
        finally:
            restore(current, token)
        whole = stock.given_whole(response.stream)
        rest = stock.Taken(self.kind, response.stream) if whole is None else None
        answer = Answer(response.status, response.headers, dict(response.extensions), whole, rest)
        return self._returned(attempt, answer, bounded=not self._settings["http2"])

    def _stock_pool(self, attempt: Attempt | None, request: Outgoing, home: Home) -> Any:
        endpoint, tls = None if attempt is None else attempt.endpoint, self.supply.tls(attempt)
        key = self.supply.key(endpoint, request, tls)
        pool = home.stock.get(key)
        if pool is None:
            settings = dict(self._settings)
            if endpoint is not None and attempt is not None:
                settings.update(uds=endpoint.address.uds, retries=0)
                limits = [settings["max_connections"], attempt.call.max_connections]
                settings["max_connections"] = min((limit for limit in limits if limit), default=None)
            if tls is not None:
                settings["ssl_context"] = tls
            pool = home.stock.setdefault(key, self.pool(**settings))
        return pool

    def _clamped(self, attempt: Attempt, request: Outgoing) -> dict[str, Any]:
        """On a wire without deadlines, httpx's timeouts are what can be bounded."""
        left, own = remaining(attempt), request.timeouts
        timeouts = {name: sooner(own.get(name), left) for name in self._waits}
        return request.extensions if left is None else {**request.extensions, "timeout": {**own, **timeouts}}

    def _returned(self, attempt: Attempt | None, answer: Answer, *, bounded: bool) -> Answer:
        """The headers have come: from here on the limit is that of the body."""
        if attempt is not None:
            attempt.returned = now()
            attempt.deadline = attempt.body_deadline
        if answer.body is None:
            answer.stream = Body(answer.stream, attempt, self.kind, bounded=bounded)
        elif attempt is not None:
            attempt.release()
        return answer

    def _response(self, answer: Answer) -> Any:
        content = answer.stream if answer.body is None else Whole(answer.body)
        return self.core.Response(answer.status, headers=answer.headers, content=content, extensions=answer.extensions)


def _prepare(attempt: Attempt, request: Outgoing) -> None:
    """The mesh's own headers, in the place of the caller's of the same name; and who decorates the span above us."""
    if attempt.headers:
        ours = encoded(attempt.headers)
        names = {name.lower() for name, _ in ours}
        request.headers = [*(header for header in request.headers if header[0].lower() not in names), *ours]
    if attempt.decorate is not None:
        attempt.decorate(attempt)


def _outgoing(request: Any) -> Outgoing:
    url = request.url
    return Outgoing(
        request.method, url.scheme, url.host, url.port, url.target, request.headers, request.stream, request.extensions
    )


class SyncRouterCore(RouterCore):
    """Mixed with the module's ConnectionPool."""

    def handle_request(self, request: Any) -> Any:
        attempt = request.extensions.get(ATTEMPT)
        return self._response(complete(self.exchange(attempt, _outgoing(request))))

    def close(self) -> None:
        for home in self.supply.take_homes():
            for pool in home.stock.values():
                pool.close()
        self.stock.close()
        super().close()  # type: ignore[misc]


class AsyncRouterCore(RouterCore):
    """Mixed with the module's AsyncConnectionPool."""

    async def handle_async_request(self, request: Any) -> Any:
        attempt = request.extensions.get(ATTEMPT)
        return self._response(await self.exchange(attempt, _outgoing(request)))

    async def aclose(self) -> None:
        for home in self.supply.take_homes():
            if home.guard is not None:
                await home.guard.aclose()
            for pool in home.stock.values():
                await pool.aclose()
        await self.stock.aclose()
        await super().aclose()  # type: ignore[misc]
