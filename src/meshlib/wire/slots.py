"""How many connections a client may have, over all its pools: who gets one, who waits, and which idle one makes room.

Bookkeeping only: nothing here waits, and every change is one synchronous step under one lock, so a cancellation can
never come between two halves of it. Connections are told to close after the lock was let go.

Waiting is first come, first served over the whole client; only a ticket whose own endpoint is full is passed over.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING

from meshlib.runtime.fork import new_lock
from meshlib.runtime.signal import Signal

if TYPE_CHECKING:
    from meshlib.call import Attempt
    from meshlib.wire.connection import Connection
    from meshlib.wire.home import Home
    from meshlib.wire.pool import Pool


class Ticket:
    """A place in the queue. `signal` is set when `got` is a connection, or True: the right to dial one."""

    __slots__ = ("got", "pool", "signal")

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.signal = Signal()
        self.got: Connection | bool = False


class Slots:
    """`limit`: connections open or being dialled at most; `idle_limit`: idle ones at most, for longer than `patience`
    seconds: with many endpoints the next request often wants what would just have been closed.

    `open` counts both kinds of the first; `idle` holds the idle ones, the longest unused first. `connections` are those
    that exist, idle or in use; what is not in it any more has ended and will never be handed out.
    """

    def __init__(self, limit: float, idle_limit: float, patience: float = 0.0) -> None:
        self.limit = limit
        self.idle_limit = idle_limit
        self.patience = patience
        self.open = 0
        self.idle: OrderedDict[Connection, None] = OrderedDict()
        self.waiting: OrderedDict[Ticket, None] = OrderedDict()
        self.connections: set[Connection] = set()
        self.quiet: Signal | None = None
        self.ending_since: float | None = None
        self._closed = False
        self._lock = new_lock()
        self._ended: deque[Connection] = deque()
        self._dropped: deque[Connection] = deque()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *exc_info: object) -> None:
        self._lock.release()
        if self._ended or self._dropped or self.quiet is not None:
            self._settle()

    def checkout(self, pool: Pool, now: float) -> Connection | Ticket | bool:
        """The youngest idle connection of `pool`; else True: the right to dial one; else a ticket to wait with."""
        with self:
            while pool.idle:
                connection, _ = pool.idle.popitem()
                del self.idle[connection]
                if now < connection.expires:
                    return connection
                self._end(connection)
            if pool.open < pool.cap and (self.open < self.limit or self._make_room()):
                self._grow(pool)
                return True
            ticket = Ticket(pool)
            pool.waiting[ticket] = self.waiting[ticket] = None
            return ticket

    def leave(self, ticket: Ticket) -> Connection | bool:
        """Stop waiting. What the ticket had been given in the meantime is the caller's to use or to give back."""
        with self:
            self._forget(ticket)
            return ticket.got

    def opened(self, connection: Connection) -> None:
        """A dialled connection takes the slot that was granted for it."""
        with self:
            self.connections.add(connection)

    def give_back(self, connection: Connection, now: float) -> None:
        """A connection is free: to who waits for it, else it is idle, unless its time is up."""
        with self:
            if connection not in self.connections:
                return
            pool = connection.pool
            connection.idle_since = now
            if self._closed or pool.draining or now >= connection.dies:
                self._end(connection)
                self._fill()
                return
            ticket = self._next_for(pool)
            if ticket is None:
                self._rest(connection, now)
            elif ticket.pool is pool:
                self._grant(ticket, connection)
            else:
                self._end(connection)
                self._fill()

    def discard(self, connection: Connection) -> None:
        """A connection in use is of no more use. Idempotent."""
        with self:
            if connection in self.connections:
                self._end(connection)
                self._fill()

    def lost(self, connection: Connection, now: float) -> None:
        """The peer has closed an idle connection: its pool learns for how long this server keeps them."""
        with self:
            if connection in connection.pool.idle:
                connection.pool.learn(now - connection.idle_since, now)
                self._take_idle(connection)
                self._end(connection)
                self._fill()

    def drop(self, connection: Connection) -> None:
        """`discard` for a finalizer, which may run while this very thread holds the lock: then its holder does it."""
        self._dropped.append(connection)
        if self._lock.acquire(blocking=False):
            self._lock.release()
            self._settle()

    def free(self, pool: Pool) -> None:
        """A dial has failed: its slot is free again."""
        with self:
            self._shrink(pool)
            self._fill()

    def drain(self, pool: Pool) -> None:
        """Close the idle connections of a pool, and those in use when they come back."""
        with self:
            pool.draining = True
            for connection in list(pool.idle):
                self._take_idle(connection)
                self._end(connection)
            self._fill()

    def expire(self, now: float) -> None:
        """Close idle connections whose time is up, and those that are too many, beginning with the longest unused."""
        with self:
            self._trim(now)
            while self.idle:
                connection = next(iter(self.idle))
                if now < connection.expires:
                    return
                self._take_idle(connection)
                self._end(connection)

    def close(self, home: Home | None = None) -> list[Attempt]:
        """End the connections of one home, or all, idle or in use; returns the attempts that used them.

        Whoever waits in that one home has stopped waiting. After all have ended, what is dialled still is used once and
        closed: nobody would do that later.
        """
        attempts = []
        with self:
            self._closed = self._closed or home is None
            for ticket in [t for t in self.waiting if home is not None and t.pool.home is home]:
                self._forget(ticket)
            for connection in list(self.connections):
                if home is None or connection.pool.home is home:
                    if connection in self.idle:
                        self._take_idle(connection)
                    elif connection.stream.attempt is not None:
                        attempts.append(connection.stream.attempt)
                    self._end(connection)
            self._fill()
        return attempts

    def last_words(self, now: float) -> Signal:
        """From now on only calls that began before get a connection. The signal is set when none is in use."""
        with self:
            self.ending_since = now
            self.quiet = self.quiet or Signal()
            return self.quiet

    def counts(self) -> dict[str, int]:
        """`open` = `idle` + `active` + `dialling`, and how many wait for a connection."""
        with self:
            open_, idle, alive = self.open, len(self.idle), len(self.connections)
            return {
                "open": open_,
                "idle": idle,
                "active": alive - idle,
                "dialling": open_ - alive,
                "waiting": len(self.waiting),
            }

    def forget(self) -> None:
        """In a forked child: nothing of this is ours. Nobody waits here either: the parent's tasks stayed there."""
        self.open = 0
        for books in (self.idle, self.waiting, self.connections, self._ended, self._dropped):
            books.clear()

    # ---- under the lock ----------------------------------------------------------------------------------------------

    def _rest(self, connection: Connection, now: float) -> None:
        pool = connection.pool
        connection.expires = min(now + pool.idle_for(now), connection.dies)
        pool.idle[connection] = self.idle[connection] = None
        if len(self.idle) > self.idle_limit:
            self._trim(now)

    def _trim(self, now: float) -> None:
        while len(self.idle) > self.idle_limit and now - next(iter(self.idle)).idle_since >= self.patience:
            self._make_room()

    def _make_room(self) -> bool:
        if not self.idle:
            return False
        oldest = next(iter(self.idle))
        self._take_idle(oldest)
        self._end(oldest)
        return True

    def _take_idle(self, connection: Connection) -> None:
        del self.idle[connection], connection.pool.idle[connection]

    def _grow(self, pool: Pool) -> None:
        self.open += 1
        pool.open += 1

    def _shrink(self, pool: Pool) -> None:
        self.open -= 1
        pool.open -= 1

    def _end(self, connection: Connection) -> None:
        self.connections.discard(connection)
        self._shrink(connection.pool)
        self._ended.append(connection)

    def _next_for(self, pool: Pool) -> Ticket | None:
        """Who gets a connection of `pool` that is free: who waits longest, if it must be closed for him even."""
        if not self.waiting:
            return None
        if self.open < self.limit:
            return next(iter(pool.waiting), None)
        return next((t for t in self.waiting if t.pool is pool or t.pool.open < t.pool.cap), None)

    def _fill(self) -> None:
        """Give free slots to who waits longest and may have one."""
        while self.waiting and self.open < self.limit:
            ticket = next((t for t in self.waiting if t.pool.open < t.pool.cap), None)
            if ticket is None:
                return
            self._grow(ticket.pool)
            self._grant(ticket, True)

    def _grant(self, ticket: Ticket, got: Connection | bool) -> None:
        self._forget(ticket)
        ticket.got = got
        ticket.signal.set()

    def _forget(self, ticket: Ticket) -> None:
        self.waiting.pop(ticket, None)
        ticket.pool.waiting.pop(ticket, None)

    # ---- after the lock ----------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        while self._dropped:
            try:
                dropped = self._dropped.popleft()
            except IndexError:  # another thread was faster
                break
            self.discard(dropped)
        while self._ended:
            try:
                self._ended.popleft().shut()
            except IndexError:
                break
        if self.quiet is not None and self.open == len(self.idle):
            self.quiet.set()
