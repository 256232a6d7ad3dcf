"""The pool under a client's transport: it sends each attempt over a connection to its endpoint.

A genuine subclass of httpcore's pool, so that everything which looks at or patches `_pool` goes on working. What it
inherits is not used: requests without an attempt go over pools of ours as well, without an endpoint.
"""

from __future__ import annotations

import logging
import math
import weakref
from typing import TYPE_CHECKING, Any

from meshlib.runtime.clock import now
from meshlib.runtime.fork import new_lock, register
from meshlib.runtime.sync import complete
from meshlib.wire import stock
from meshlib.wire.answer import Answer
from meshlib.wire.body import Body, Whole
from meshlib.wire.connection import Connection
from meshlib.wire.current import ATTEMPT, current, encoded
from meshlib.wire.dial import PORTS, Dialler
from meshlib.wire.home import Home, Key, running, until_the_loop_ends
from meshlib.wire.outgoing import Outgoing
from meshlib.wire.pool import Pool
from meshlib.wire.private import mocker_behind
from meshlib.wire.slots import Slots, Ticket

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshlib.call import Attempt
    from meshlib.wire.kind import AsyncKind, SyncKind

SWEEP = 1.0
"""Seconds between two looks for pools whose endpoint has left and connections whose time is up."""

UNUSED = 60.0
"""Seconds after which a pool without connections is forgotten: a client may see very many hosts."""

HTTPX_DEFAULT = (100, 20)
"""httpx's limits where nobody chose any, meant for clients that keep few hosts. Here they become: """
OURS = (1000, 100)

MAX_AGE, JITTER = 300.0, 0.1
"""Seconds for which a connection is used, give or take a tenth, so that not all end at once."""

_inherited: list[Any] = []
"""A parent's event loop homes in a forked child: kept, since their finalizers would wake the parent's loop."""


class RouterCore:
    """What both routers share. `core` is httpcore or httpcore2, `backend` our backend class, `pool` the stock pool
    class with our backend, for when httpcore is patched.
    """

    core: Any
    backend: Any
    pool: Any
    kind: AsyncKind | SyncKind
    _loop: Callable[[], Any]

    def __init__(self, stock_pool: Any, settings: dict[str, Any]) -> None:
        self.stock = stock_pool
        shared = settings["http2"] and not settings["http1"]
        chosen = settings["network_backend"]
        settings = {**settings, "network_backend": self.backend(chosen, shared, bare=False)}
        super().__init__(**settings)
        self._settings = settings
        self._waits = ("pool", "connect", "read", "write") if settings["http2"] else ("pool",)
        limits = (settings["max_connections"], settings["max_keepalive_connections"])
        limit, idle = OURS if limits == HTTPX_DEFAULT else limits
        self._slots = Slots(math.inf if limit is None else limit, math.inf if idle is None else idle)
        self._homes: dict[Any, Home] = {}
        self._homes_lock = new_lock()
        self._next_sweep = -math.inf
        self._dialler = Dialler(self.kind, {**settings, "network_backend": self.backend(chosen, shared, bare=True)})
        self._patched = stock.Patched(self.kind)
        self._log = logging.getLogger(f"{self.core.__name__}.http11")
        register(self)
        if self.kind.sync:  # a client that nobody closed ends quietly, with the last reference or the interpreter
            weakref.finalize(self, self._slots.expire, math.inf)

    def counts(self) -> dict[str, int]:
        """Connections of this client: open = idle + active + dialling; who waits for one; pools that hold them."""
        with self._homes_lock:
            pools = sum(len(home.pools) for home in self._homes.values())
        return {**self._slots.counts(), "pools": pools}

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
        home = self._homes.get(self._loop()) or await self._settle_in()
        if self._settings["http2"] or self._patched():
            return await self._by_stock(attempt, request, home)
        if attempt is not None:
            attempt.sent = "nothing"
            _prepare(attempt, request)
        connection = await self._connection(attempt, request, home)
        connection.stream.attempt = attempt
        if attempt is not None:
            attempt.reused, attempt.peer = connection.used, connection.peer
        if stock.is_unusual(request, self._log):
            answer = await stock.exchange(connection, request)
        else:
            answer = await connection.exchange(request, request.extensions.get("timeout") or {})
        return self._returned(attempt, answer, bounded=True)

    async def _connection(self, attempt: Attempt | None, request: Outgoing, home: Home) -> Connection:
        """A connection that is free, or a new one; waits for one within the pool timeout and the attempt's deadline."""
        tls = None if attempt is None else self._tls(attempt)
        time = now()
        pool = self._pool(attempt, request, home, tls, time)
        while True:
            got = self._slots.checkout(pool, time)
            if type(got) is Ticket:
                got = await self._wait(got, attempt, request)
            if got is True:
                return await self._dial(pool, attempt, request, tls)
            assert type(got) is Connection
            if await self._fit(got):
                return got
            time = now()

    async def _fit(self, connection: Connection) -> bool:
        """Whether an idle connection is still good, by the kernel's own word."""
        try:
            if not connection.stream.is_readable() or await connection.io.still_fit():
                return True
        except BaseException:
            connection.end()
            raise
        connection.pool.learn(now() - connection.idle_since, now())
        connection.end()
        return False

    async def _wait(self, ticket: Ticket, attempt: Attempt | None, request: Outgoing) -> Connection | bool:
        slots, left = self._slots, (request.extensions.get("timeout") or {}).get("pool")
        if attempt is not None and attempt.deadline is not None:
            remaining = max(attempt.deadline - now(), 0.0)
            left = remaining if left is None else min(left, remaining)
        try:
            await self.kind.runtime.wait(ticket.signal, left)
        except BaseException:
            self._hand_on(slots.leave(ticket), ticket.pool)
            raise
        got = slots.leave(ticket)
        if not got:
            raise self.core.PoolTimeout
        return got

    def _hand_on(self, got: Connection | bool, pool: Pool) -> None:
        """What was granted to somebody who does not want it any more."""
        if got is True:
            self._slots.free(pool)
        elif isinstance(got, Connection):
            self._slots.give_back(got, now())

    async def _dial(self, pool: Pool, attempt: Attempt | None, request: Outgoing, tls: Any) -> Connection:
        try:
            stream = await self._dialler.dial(attempt, request, tls)
        except BaseException:
            self._slots.free(pool)
            raise
        spread = 1 - JITTER + 2 * JITTER * self.kind.runtime.rng.random()
        connection = Connection(self.kind, pool, self._slots, self.kind.io(stream), now() + MAX_AGE * spread)
        self._slots.opened(connection)
        return connection

    def _pool(self, attempt: Attempt | None, request: Outgoing, home: Home, tls: Any, time: float) -> Pool:
        if time >= self._next_sweep:
            self._sweep(time)
        endpoint = None if attempt is None else attempt.endpoint
        key = self._key(endpoint, request, tls)
        pool = home.pools.get(key)
        if pool is None:
            cap = attempt.call.max_connections if attempt is not None and endpoint is not None else None
            made = Pool(home, endpoint, cap or math.inf, self._settings["keepalive_expiry"])
            pool = home.pools.setdefault(key, made)
        pool.endpoint = endpoint  # it may have left and come back as a new object
        pool.used_at = time
        return pool

    @staticmethod
    def _key(endpoint: Any, request: Outgoing, tls: Any) -> Key:
        """What must never be mixed up: a connection verified for one name would else carry another's requests."""
        name = None if endpoint is None else endpoint.name
        return (name, request.scheme, request.host, request.port, id(tls), request.extensions.get("sni_hostname"))

    def _tls(self, attempt: Attempt) -> Any:
        """The service's own context; None: the client's."""
        tls = attempt.call.tls
        return None if tls is None else tls.context(attempt.call.library, http2=self._settings["http2"])

    def _sweep(self, time: float) -> None:
        """Let go of what is over: connections by age, pools by disuse or with their endpoint."""
        self._next_sweep = time + SWEEP
        self._slots.expire(time)
        with self._homes_lock:
            homes = list(self._homes.values())
        for home in homes:
            for key, pool in list(home.pools.items()):
                gone = pool.endpoint is not None and pool.endpoint.gone
                if gone or (not pool.open and time - pool.used_at > UNUSED):
                    home.pools.pop(key, None)
                    self._slots.drain(pool)

    async def _settle_in(self) -> Home:
        """The first request in this loop."""
        loop = self._loop()
        with self._homes_lock:
            for old in [home for home in self._homes.values() if home.is_over()]:
                del self._homes[old.loop]
                self._slots.close(old)
            found = self._homes.get(loop)
            if found is not None:
                return found
            home = self._homes[loop] = Home(loop)
        if loop is not None:
            home.guard = until_the_loop_ends(home, self._homes, self._slots)
            await anext(home.guard)  # does not suspend
        return home

    async def _by_stock(self, attempt: Attempt | None, request: Outgoing, home: Home) -> Answer:
        """Over a pool of httpcore's: a request of HTTP/2, or one that somebody's patch shall see."""
        if attempt is not None:
            if mocker_behind(self._patched.function()) is None:
                attempt.sent = "nothing"
            _prepare(attempt, request)
            request.extensions = self._clamped(attempt, request.extensions)
        pool = self._stock_pool(attempt, request, home)
        token = current.set(attempt)
        try:
            response = await self.kind.handle(pool, stock.core_request(self.core, request))
        finally:
            current.reset(token)
        rest = stock.Taken(self.kind, response.stream)
        answer = Answer(response.status, response.headers, dict(response.extensions), None, rest)
        return self._returned(attempt, answer, bounded=not self._settings["http2"])

    def _stock_pool(self, attempt: Attempt | None, request: Outgoing, home: Home) -> Any:
        endpoint, tls = (None, None) if attempt is None else (attempt.endpoint, self._tls(attempt))
        key = self._key(endpoint, request, tls)
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

    def _clamped(self, attempt: Attempt, extensions: dict[str, Any]) -> dict[str, Any]:
        """On a wire without deadlines, httpx's timeouts are what can be bounded."""
        if attempt.deadline is None:
            return extensions
        left = max(attempt.deadline - now(), 0.0)
        own = extensions.get("timeout") or {}
        timeouts = {name: left if own.get(name) is None else min(own[name], left) for name in self._waits}
        return {**extensions, "timeout": {**own, **timeouts}}

    def _returned(self, attempt: Attempt | None, answer: Answer, *, bounded: bool) -> Answer:
        """The headers have come: from here on the limit is that of the body."""
        if attempt is not None:
            attempt.returned = now()
            attempt.deadline = attempt.body_deadline
        if answer.body is None:
            answer.stream = Body(answer.stream, attempt, self.core, bounded=bounded)
        elif attempt is not None:
            attempt.release()
        return answer

    def _response(self, answer: Answer) -> Any:
        content = answer.stream if answer.body is None else Whole(answer.body)
        return self.core.Response(answer.status, headers=answer.headers, content=content, extensions=answer.extensions)

    def _take_homes(self) -> list[Home]:
        with self._homes_lock:
            homes = list(self._homes.values())
            self._homes.clear()
        self._slots.close()
        return homes

    def after_fork(self) -> None:
        """In a forked child: the parent's connections are let go without a word to anybody."""
        for connection in list(self._slots.connections):
            connection.stream.forget()
        _inherited.append((list(self._homes.values()), list(self._slots.connections)))
        self._slots.forget()
        self._homes.clear()


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

    _loop = staticmethod(lambda: None)

    def handle_request(self, request: Any) -> Any:
        attempt = request.extensions.get(ATTEMPT)
        return self._response(complete(self.exchange(attempt, _outgoing(request))))

    def close(self) -> None:
        for home in self._take_homes():
            for pool in home.stock.values():
                pool.close()
        self.stock.close()
        super().close()  # type: ignore[misc]


class AsyncRouterCore(RouterCore):
    """Mixed with the module's AsyncConnectionPool."""

    _loop = staticmethod(running)

    async def handle_async_request(self, request: Any) -> Any:
        attempt = request.extensions.get(ATTEMPT)
        return self._response(await self.exchange(attempt, _outgoing(request)))

    async def aclose(self) -> None:
        for home in self._take_homes():
            if home.guard is not None:
                await home.guard.aclose()
            for pool in home.stock.values():
                await pool.aclose()
        await self.stock.aclose()
        await super().aclose()  # type: ignore[misc]
