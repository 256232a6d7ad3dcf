"""HTTP/2: one connection for all requests of a pool, by httpcore, which is neither cancelled nor timed out alone.

httpcore never tells the server about an abandoned stream, and goes on counting it: after a hundred of them the
connection is dead, and says that it is available. And a read timeout of one request fails every request that shares
the connection. So a connection on which a request was abandoned gets no new ones and ends with the last that is under
way; an asynchronous request is bounded by cancelling it and not by the socket; and dialling is done once for all that
arrive meanwhile (docs/adr/0007-the-wire.md).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from meshlib.classify import OwnFault
from meshlib.runtime.clock import now
from meshlib.runtime.context import restore
from meshlib.runtime.fork import new_rlock
from meshlib.runtime.signal import Signal
from meshlib.wire.answer import Answer
from meshlib.wire.current import current, remaining, sooner
from meshlib.wire.stock import Taken, core_request, in_core_words

if TYPE_CHECKING:
    from meshlib.call import Attempt
    from meshlib.wire.connection import Connection
    from meshlib.wire.kind import AsyncKind, SyncKind
    from meshlib.wire.outgoing import Outgoing
    from meshlib.wire.pool import Pool

Obtain = Callable[[], Awaitable["Connection"]]


class Shared:
    """One connection with its requests. `users` are under way; a retired one takes no more."""

    __slots__ = ("connection", "retired", "stock", "users")

    def __init__(self, connection: Connection, stock: Any) -> None:
        self.connection = connection
        self.stock = stock
        self.users = 0
        self.retired = False

    def takes_more(self) -> bool:
        return not self.retired and bool(self.stock.is_available())


class Multiplexed:
    """Hands out shared connections. `prior` says that servers speak HTTP/2 without being asked."""

    def __init__(self, kind: AsyncKind | SyncKind, *, prior: bool) -> None:
        self._kind = kind
        self._prior = prior
        self._lock = new_rlock()  # a finalizer may give back while this very thread hands out
        self._errors: tuple[type[Exception], ...] = (ValueError, KeyError, *_h2_errors())

    async def take(self, pool: Pool, obtain: Obtain, patience: float | None) -> Connection | Shared:
        """A place on the shared connection; a connection of its own where the server speaks HTTP/1.1.

        `obtain` gives a free or new connection. Who comes while one is being dialled waits up to `patience` seconds for
        it; raises ConnectTimeout then.
        """
        until = None if patience is None else now() + patience
        while True:
            with self._lock:
                shared = pool.shared
                if shared is not None and shared.takes_more():
                    shared.users += 1
                    return shared
                if pool.speaks_http1:
                    break
                flight, first = pool.flight, pool.flight is None
                if flight is None:
                    flight = pool.flight = Signal()
            if first:
                return await self._first(pool, flight, obtain)
            left = None if until is None else max(until - now(), 0.0)
            if not await self._kind.runtime.wait(flight, left):
                raise self._kind.core.ConnectTimeout("no connection was dialled in time")
        return self._place_on(pool, await obtain())

    async def _first(self, pool: Pool, flight: Signal, obtain: Obtain) -> Connection | Shared:
        try:
            return self._place_on(pool, await obtain())
        finally:
            with self._lock:
                pool.flight = None
            flight.set()

    def _place_on(self, pool: Pool, connection: Connection) -> Connection | Shared:
        """By what its own handshake said: a server may have learnt HTTP/2, or forgotten it, since the last one."""
        with self._lock:
            shared = connection.shared
            pool.speaks_http1 = shared is None and not self._prior and not _speaks_http2(connection.stream)
            if pool.speaks_http1:
                return connection
            if shared is None:
                shared = connection.shared = Shared(connection, self._new(pool, connection))
            shared.users += 1
            pool.shared = shared
            return shared

    def _new(self, pool: Pool, connection: Connection) -> Any:
        core = self._kind.core
        make = core.HTTP2Connection if self._kind.sync else core.AsyncHTTP2Connection
        return make(origin=pool.origin, stream=connection.stream)

    async def exchange(self, shared: Shared, attempt: Attempt | None, request: Outgoing) -> Answer | None:
        """Send a request on a shared connection; None where it has just become unusable, with nothing sent.

        Raises httpcore's errors.
        """
        core = self._kind.core
        place = Place(self, shared)
        within, timeouts = self._bounds(attempt, request)
        extensions, request.extensions = request.extensions, {**request.extensions, "timeout": timeouts}
        token = current.set(attempt)
        try:
            made = core_request(core, request)
            response = await self._kind.within(self._kind.handle(shared.stock, made), within, core.ReadTimeout)
        except core.ConnectionNotAvailable:
            place.over(complete=False)
            return None
        except self._errors as exc:
            place.over(complete=False)
            raise in_core_words(core, exc)  # noqa: B904 - it has its cause
        except BaseException as exc:
            place.excuse(exc)
            place.over(complete=False)
            raise
        finally:
            restore(current, token)
            request.extensions = extensions
        shared.connection.used = True
        rest = Taken(self._kind, response.stream, place, self._errors, request.timeouts.get("read"))
        return Answer(response.status, response.headers, dict(response.extensions), None, rest)

    def _bounds(self, attempt: Attempt | None, request: Outgoing) -> tuple[float | None, dict[str, Any]]:
        """Seconds for the head, and httpx's timeouts for the socket that all share."""
        timeouts, left = dict(request.timeouts), remaining(attempt)
        if self._kind.sync:  # nothing else can end a blocking read
            shorter = {name: sooner(timeouts.get(name), left) for name in ("connect", "read", "write")}
            return None, {**timeouts, **shorter}
        if type(request.stream) is self._kind.byte_stream:  # a generator may take its time before any answer
            left = sooner(timeouts.pop("read", None), left)
            timeouts.pop("write", None)
        return left, timeouts

    def give_back(self, shared: Shared, *, complete: bool, lost: bool = False) -> None:
        """A request is over; one that was abandoned retires the connection. `lost`: a finalizer says so."""
        with self._lock:
            shared.users -= 1
            if not complete:
                shared.retired = True
            connection, last = shared.connection, shared.users == 0
            if (last or shared.retired) and connection.pool.shared is shared:
                connection.pool.shared = None
        if last and shared.takes_more():
            connection.free()
        elif last:
            connection.lose() if lost else connection.end()


class Place:
    """One request's place on a shared connection."""

    __slots__ = ("_connections", "_over", "_shared")

    def __init__(self, connections: Multiplexed, shared: Shared) -> None:
        self._connections = connections
        self._shared = shared
        self._over = False

    def over(self, *, complete: bool, lost: bool = False) -> None:
        """The request is over. Idempotent."""
        if not self._over:
            self._over = True
            self._connections.give_back(self._shared, complete=complete, lost=lost)

    def excuse(self, error: BaseException) -> None:
        """On a connection that another request has abandoned, an error says nothing about the endpoint."""
        if self._shared.retired and isinstance(error, Exception):
            while error.__cause__ is not None:
                error = error.__cause__
            error.__cause__ = OwnFault("another request on this connection was abandoned")

    def lose(self) -> None:
        """`over`, for a finalizer."""
        self.over(complete=False, lost=True)


def _speaks_http2(stream: Any) -> bool:
    tls = stream.get_extra_info("ssl_object")
    return tls is not None and tls.selected_alpn_protocol() == "h2"


def _h2_errors() -> tuple[type[Exception], ...]:
    try:
        from h2.exceptions import H2Error
    except ImportError:  # httpx has said so when the client was made
        return ()
    return (H2Error,)
