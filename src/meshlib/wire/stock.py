"""Where httpcore's own objects do the work: requests that are traced, upgraded or tunnelled, and patched classes.

A traced request tells about every step of httpcore's connection, so it is sent by one, on the stream of a connection of
ours; afterwards that one goes on. Where somebody has put a function of his in the place of a method of httpcore's (a
mocking tool, an APM agent), that method must be called: each pool of ours then has one of httpcore's beside it.
"""

from __future__ import annotations

import logging
from types import FunctionType
from typing import TYPE_CHECKING, Any

from meshlib.classify import OwnFault
from meshlib.wire.answer import Answer

if TYPE_CHECKING:
    from meshlib.wire.connection import Connection
    from meshlib.wire.kind import AsyncKind, SyncKind
    from meshlib.wire.outgoing import Outgoing


def core_request(core: Any, request: Outgoing) -> Any:
    """`request` as httpcore wants it."""
    url = core.URL(scheme=request.scheme, host=request.host, port=request.port, target=request.target)
    made = core.Request(request.method, url, headers=request.headers, content=request.stream)
    made.extensions = request.extensions
    return made


def is_unusual(request: Outgoing, log: logging.Logger) -> bool:
    """Whether it must be httpcore's connection that sends this one."""
    if "trace" in request.extensions or request.method == b"CONNECT" or log.isEnabledFor(logging.DEBUG):
        return True
    return any(len(name) == 7 and name.lower() == b"upgrade" for name, _ in request.headers)


async def exchange(connection: Connection, request: Outgoing) -> Answer:
    """One request on httpcore's HTTP/1.1 connection, on the stream of ours. Raises httpcore's errors."""
    kind = connection.kind
    made = core_request(kind.core, request)
    stock = kind.http11(made.url.origin, connection.stream)
    try:
        response = await kind.handle(stock, made)
    except BaseException:
        connection.end()
        raise
    rest = Taken(kind, response.stream, Lent(connection, stock))
    return Answer(response.status, response.headers, dict(response.extensions), None, rest)


class Lent:
    """A connection whose stream is with httpcore's connection for one exchange."""

    __slots__ = ("_connection", "_stock")

    def __init__(self, connection: Connection, stock: Any) -> None:
        self._connection = connection
        self._stock = stock

    def over(self, *, complete: bool) -> None:
        """The exchange is over: goes on, if httpcore's connection could."""
        self._connection.used = True
        if self._stock.is_idle():
            self._connection.free()
        else:
            self._connection.end()

    def excuse(self, error: BaseException) -> None:
        """Nobody else uses the connection: the error is what it is."""

    def lose(self) -> None:
        self._connection.lose()


def given_whole(stream: Any) -> bytes | None:
    """The body of a mock's answer where that is a value and no stream: it may be read twice, and users' hooks do."""
    return b"".join(stream) if type(stream).__name__ == "ByteStream" else None


class Taken:
    """The body of a response of httpcore's. `owner` is told when it is over. See `connection.Rest`.

    `errors` are those that httpcore should have put into its own words; `read` seconds a chunk may take, where httpcore
    was not told (an async client's shared connection).
    """

    __slots__ = ("_chunks", "_complete", "_errors", "_kind", "_over", "_owner", "_read", "_stream")

    def __init__(
        self,
        kind: AsyncKind | SyncKind,
        stream: Any,
        owner: Any = None,
        errors: tuple[type[Exception], ...] = (),
        read: float | None = None,
    ) -> None:
        self._kind = kind
        self._stream = stream
        self._chunks = kind.iterate(stream)
        self._owner = owner
        self._errors = errors
        self._read = read
        self._over = self._complete = False

    async def next(self) -> bytes | None:
        """The next chunk; None at the end."""
        try:
            chunk = await self._kind.within(self._kind.next(self._chunks), self._read, self._kind.core.ReadTimeout)
        except self._errors as exc:
            await self.aclose()
            raise in_core_words(self._kind.core, exc)  # noqa: B904 - it has its cause
        except BaseException as exc:
            if self._owner is not None:
                self._owner.excuse(exc)
            await self.aclose()
            raise
        if chunk is None:
            self._complete = True
            await self.aclose()
        return chunk

    async def aclose(self) -> None:
        """Idempotent."""
        if self._over:
            return
        self._over = True
        try:
            await self._kind.close(self._stream, self._chunks)
        except self._errors:  # httpcore has lost count of the connection's requests; what was read of this one is right
            self._complete = False
        finally:
            if self._owner is not None:
                self._owner.over(complete=self._complete)

    def lose(self) -> None:
        """Nobody reads it any more, and nobody can wait for its end: called by a finalizer."""
        self._over = True
        if self._owner is not None:
            self._owner.lose()


def in_core_words(core: Any, error: Exception) -> BaseException:
    """What shall be raised for an error of h2's, or of httpcore's own bookkeeping, that httpcore let through.

    anyio's semaphore, released once too often by httpcore, puts such an error in the place of the cancellation that
    it met; the cancellation is what the task must get.
    """
    met = error.__context__
    if met is not None and not isinstance(met, Exception):
        return met
    told: BaseException = core.RemoteProtocolError(str(error))
    told.__cause__ = error
    error.__cause__ = OwnFault("httpcore lost count of this connection's requests")
    return told


class Patched:
    """Whether a function of somebody else's stands in the place of one of httpcore's. Cheap while nothing changes."""

    def __init__(self, kind: AsyncKind | SyncKind) -> None:
        core, entry = kind.core, kind.entry
        self._pool = core.ConnectionPool if kind.sync else core.AsyncConnectionPool
        self._connection = core.HTTPConnection if kind.sync else core.AsyncHTTPConnection
        self._http11 = kind.http11
        self._entry = entry
        self._package: str = core.__name__
        self._seen: tuple[Any, Any, Any] = (None, None, None)
        self._patched = False

    def __call__(self) -> bool:
        pool = self.function()
        connection = self._connection.__dict__[self._entry]
        http11 = self._http11.__dict__[self._entry]
        seen = self._seen
        if pool is not seen[0] or connection is not seen[1] or http11 is not seen[2]:
            self._patched = not all(map(self._own, (pool, connection, http11)))
            self._seen = (pool, connection, http11)
        return self._patched

    def function(self) -> Any:
        """What stands in the place of the pool's method."""
        return self._pool.__dict__[self._entry]

    def _own(self, function: Any) -> bool:
        """Proxies (wrapt) and `functools.wraps` lie about their names; the type and the globals do not."""
        if type(function) is not FunctionType:
            return False
        module: str = function.__globals__.get("__name__", "")
        package, _, _ = module.partition(".")
        return package == self._package
