"""Where an attempt gets its connection from: the pool of its endpoint, a dial, or the queue.

Every wait is bounded by httpx's own timeout for it and by the attempt's deadline, and what was granted to somebody who
was cancelled meanwhile goes to the next.
"""

from __future__ import annotations

import math
import weakref
from typing import TYPE_CHECKING, Any

from meshlib.runtime.clock import now
from meshlib.runtime.fork import new_lock, register
from meshlib.wire.connection import Connection
from meshlib.wire.current import remaining, sooner
from meshlib.wire.dial import PORTS, Dialler
from meshlib.wire.home import Home, Key, running, until_the_loop_ends
from meshlib.wire.inherited import keep
from meshlib.wire.pool import Pool
from meshlib.wire.slots import Slots, Ticket

if TYPE_CHECKING:
    from meshlib.call import Attempt
    from meshlib.wire.kind import AsyncKind, SyncKind
    from meshlib.wire.outgoing import Outgoing

SWEEP = 1.0
"""Seconds between two looks for pools whose endpoint has left and connections whose time is up."""

UNUSED = 60.0
"""Seconds after which a pool without connections is forgotten: a client may see very many hosts."""

HTTPX_DEFAULT = (100, 20)
"""httpx's limits where nobody chose any, meant for clients that keep few hosts."""

OURS = (1000, 100)
"""What they become here: connections in all, and idle ones (DESIGN section 2)."""

PATIENCE = 1.0
"""Seconds for which more than these may be idle. Limits that somebody chose hold at once."""

MAX_AGE, JITTER = 300.0, 0.1
"""Seconds for which a connection is used, give or take a tenth, so that not all end at once."""

_supplies: weakref.WeakSet[Supply] = weakref.WeakSet()
_supplies_lock = new_lock()


def bury() -> None:
    """End what dead event loops have left behind in any client of this process."""
    with _supplies_lock:
        supplies = list(_supplies)
    for supply in supplies:
        supply.bury()


class Supply:
    """The connections of one client, in all its pools and event loops. `settings` are those of httpcore's pool."""

    def __init__(self, kind: AsyncKind | SyncKind, settings: dict[str, Any], backend: Any) -> None:
        self.kind = kind
        self._settings = settings
        limits = (settings["max_connections"], settings["max_keepalive_connections"])
        limit, idle = OURS if limits == HTTPX_DEFAULT else limits
        patience = PATIENCE if limits == HTTPX_DEFAULT else 0.0
        self.slots = Slots(math.inf if limit is None else limit, math.inf if idle is None else idle, patience)
        self._homes: dict[Any, Home] = {}
        self._homes_lock = new_lock()
        self._next_sweep = -math.inf
        self._dialler = Dialler(kind, {**settings, "network_backend": backend})
        register(self)
        with _supplies_lock:
            _supplies.add(self)
        if kind.sync:  # a client that nobody closed ends quietly, with the last reference or the interpreter
            weakref.finalize(self, self.slots.expire, math.inf)

    def counts(self) -> dict[str, int]:
        """Connections: open = idle + active + dialling; who waits for one; and pools that hold them."""
        with self._homes_lock:
            pools = sum(len(home.pools) for home in self._homes.values())
        return {**self.slots.counts(), "pools": pools}

    async def home(self) -> Home:
        """The pools of the event loop that runs here."""
        loop = None if self.kind.sync else running()
        return self._homes.get(loop) or await self._settle_in(loop)

    async def free(self, pool: Pool, attempt: Attempt | None, request: Outgoing, tls: Any) -> Connection:
        """A connection that is free, or a new one; waits for one within the pool timeout and the attempt's deadline."""
        if self.slots.ending_since is not None and (
            attempt is None or attempt.call.flow.journal.started > self.slots.ending_since
        ):
            raise RuntimeError("Cannot send a request, as the client has been closed.")  # as httpx says it
        time = now()
        while True:
            got = self.slots.checkout(pool, time)
            if type(got) is Ticket:
                got = await self._wait(got, attempt, request)
            if got is True:
                return await self._dial(pool, attempt, request, tls)
            assert type(got) is Connection
            if await self._fit(got):
                return got
            time = now()

    async def warm(self, attempt: Attempt, request: Outgoing, count: int) -> Pool:
        """Have `count` idle connections to the attempt's endpoint, as far as the client's limits let them stay."""
        tls = self.tls(attempt)
        pool = self.pool(attempt, request, await self.home(), tls, now())
        ready: list[Connection] = []
        try:
            while len(ready) < count:
                ready.append(await self.free(pool, attempt, request, tls))
        finally:
            for connection in ready:
                connection.free()
        return pool

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
        slots, waiting = self.slots, ticket.pool.home.waiting
        waiting[ticket] = attempt
        try:
            await self.kind.runtime.wait(ticket.signal, self.left(attempt, request, "pool"))
        except BaseException:
            if ticket in waiting:  # else `bury` has done it
                self._hand_on(slots.leave(ticket), ticket.pool)
            raise
        finally:
            waiting.pop(ticket, None)
        got = slots.leave(ticket)
        if not got:
            raise self.kind.core.PoolTimeout
        return got

    @staticmethod
    def left(attempt: Attempt | None, request: Outgoing, timeout: str) -> float | None:
        """Seconds for one wait: httpx's own timeout, never past the attempt's deadline."""
        return sooner(request.timeouts.get(timeout), remaining(attempt))

    def _hand_on(self, got: Connection | bool, pool: Pool) -> None:
        """What was granted to somebody who does not want it any more."""
        if got is True:
            self.slots.free(pool)
        elif isinstance(got, Connection):
            self.slots.give_back(got, now())

    async def _dial(self, pool: Pool, attempt: Attempt | None, request: Outgoing, tls: Any) -> Connection:
        dialling, this = pool.home.dialling, object()
        dialling[this] = (pool, attempt)
        try:
            stream = await self._dialler.dial(attempt, request, tls)
        except BaseException:
            if this in dialling:  # else `bury` has done it
                self.slots.free(pool)
            raise
        finally:
            dialling.pop(this, None)
        spread = 1 - JITTER + 2 * JITTER * self.kind.runtime.rng.random()
        connection = Connection(self.kind, pool, self.slots, self.kind.io(stream), now() + MAX_AGE * spread)
        self.slots.opened(connection)
        return connection

    def tls(self, attempt: Attempt | None) -> Any:
        """The context of the attempt's service; None: the client's."""
        if attempt is None or attempt.call.tls is None:
            return None
        return attempt.call.tls.context(attempt.call.library, http2=self._settings["http2"])

    def pool(self, attempt: Attempt | None, request: Outgoing, home: Home, tls: Any, time: float) -> Pool:
        """The pool of the attempt's endpoint, or of the URL's host; made at its first use. `time` is now."""
        if time >= self._next_sweep:
            self._sweep(time)
        endpoint = None if attempt is None else attempt.endpoint
        key = self.key(endpoint, request, tls)
        pool = home.pools.get(key)
        if pool is None:
            cap = attempt.call.max_connections if attempt is not None and endpoint is not None else None
            origin = self.kind.core.Origin(request.scheme, request.host, request.port or PORTS[request.scheme])
            made = Pool(home, endpoint, origin, cap or math.inf, self._settings["keepalive_expiry"])
            pool = home.pools.setdefault(key, made)
        pool.endpoint = endpoint  # it may have left and come back as a new object
        pool.used_at = time
        return pool

    @staticmethod
    def key(endpoint: Any, request: Outgoing, tls: Any) -> Key:
        """What must never be mixed up: a connection verified for one name would else carry another's requests."""
        name = None if endpoint is None else endpoint.name
        return (name, request.scheme, request.host, request.port, tls, request.extensions.get("sni_hostname"))

    def _sweep(self, time: float) -> None:
        """Let go of what is over: connections by age, pools by disuse or with their endpoint."""
        self._next_sweep = time + SWEEP
        self.slots.expire(time)
        with self._homes_lock:
            homes = list(self._homes.values())
        for home in homes:
            for key, pool in list(home.pools.items()):
                gone = pool.endpoint is not None and pool.endpoint.gone
                if gone or (not pool.open and time - pool.used_at > UNUSED):
                    home.pools.pop(key, None)
                    self.slots.drain(pool)

    async def _settle_in(self, loop: Any) -> Home:
        """The first request in this loop."""
        bury()
        with self._homes_lock:
            found = self._homes.get(loop)
            if found is not None:
                return found
            home = self._homes[loop] = Home(loop)
        if loop is not None:
            home.guard = until_the_loop_ends(home, self._homes, self.slots)
            await anext(home.guard)  # does not suspend
        return home

    def take_homes(self) -> list[Home]:
        """End every connection, for good; returns what else has to be closed."""
        with self._homes_lock:
            homes = list(self._homes.values())
            self._homes.clear()
        self.slots.close()
        return homes

    def after_fork(self) -> None:
        """In a forked child: the parent's connections are let go without a word to anybody."""
        for connection in list(self.slots.connections):
            connection.stream.forget()
        keep((list(self._homes.values()), list(self.slots.connections)))
        self.slots.forget()
        self._homes.clear()

    def bury(self) -> None:
        """End what dead event loops have left behind: nobody finishes their calls, so what they held is given back."""
        with self._homes_lock:
            over = [home for home in self._homes.values() if home.is_over()]
            for home in over:
                del self._homes[home.loop]
        for home in over:
            for attempt in [*self._given_up(home), *self.slots.close(home)]:
                attempt.release(GeneratorExit())  # what an abandoned coroutine ends with

    def _given_up(self, home: Home) -> list[Attempt]:
        """Give back the places and slots of attempts that had no connection yet, and return these."""
        waiting, dialling = list(home.waiting.items()), list(home.dialling.values())
        home.waiting.clear()
        home.dialling.clear()
        for got, ticket in [(self.slots.leave(ticket), ticket) for ticket, _ in waiting]:
            self._hand_on(got, ticket.pool)
        for pool, _ in dialling:
            self.slots.free(pool)
        attempts = [attempt for _, attempt in (*waiting, *dialling)]
        return [attempt for attempt in attempts if attempt is not None]
