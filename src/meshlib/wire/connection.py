"""A connection of HTTP/1.1 that speaks h11 directly: one exchange at a time, written once for both kinds of clients.

httpcore's own connection costs a lock, four trace objects and two shields for each request, which one that belongs to a
single user by construction does not need. The protocol itself stays with h11. What is unusual (a traced request, an
upgrade, CONNECT) is left to httpcore's connection on the same stream: see `stock.py`, and docs/adr/0007-the-wire.md.

A body that has come together with its head is taken out at once: the connection is free before the response is
returned, and there is nothing that could leak. Only a stream that the caller opened holds its connection to the end of
the body even so: whoever bounds his open streams by `max_connections` counts on it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import h11

from meshlib.runtime.clock import now
from meshlib.wire.answer import Answer

if TYPE_CHECKING:
    from meshlib.wire.http2 import Shared
    from meshlib.wire.outgoing import Outgoing
    from meshlib.wire.pool import Pool
    from meshlib.wire.slots import Slots

READ = 65536
"""Bytes of one read, as in httpcore."""

HEAD_MAX = 102400
"""Bytes of a response head, or of a chunk's head, at most: httpcore's limit."""

ONE_WRITE = 65536
"""A body up to this size goes out in one write with the head."""


class Connection:
    """`io` has `read`, `write` as coroutines; `stream` is the network stream itself.

    `expires` is when it may no longer be used without having been used, `dies` when it is too old to be kept at all.
    """

    __slots__ = (
        "_core",
        "_h11",
        "_slots",
        "dies",
        "expires",
        "idle_since",
        "io",
        "kind",
        "peer",
        "pool",
        "shared",
        "stream",
        "used",
    )

    def __init__(self, kind: Any, pool: Pool, slots: Slots, io: Any, dies: float) -> None:
        self.kind = kind
        self.pool = pool
        self.io = io
        self.stream = io.stream
        self.dies = self.expires = dies
        self.idle_since = 0.0
        self.used = False
        self.shared: Shared | None = None  # what makes it one of HTTP/2
        self.peer = peer_of(io.stream)
        io.stream.on_lost = self.lost
        self._core = kind.core
        self._slots = slots
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_MAX)

    async def exchange(self, request: Outgoing, timeouts: dict[str, Any], *, hold: bool = False) -> Answer:
        """Send a request and return its answer's head, with the body as far as it has come.

        `hold`: the connection is not free before the body was read or closed, even where all of it has come.
        Raises httpcore's errors. Whatever is raised, a cancellation too, the connection has ended with it.
        """
        try:
            try:
                await self._send(request, timeouts.get("write"))
            except self._core.WriteError:
                self.dies = -math.inf  # servers may answer, and close, before they have read it all: the answer counts
            head = await self._head(timeouts.get("read"))
            chunks, broken = self._arrived()
        except BaseException:
            self.end()
            raise
        if not self.used:
            self.used = True
            self.pool.announced = announced(head.headers)
        extensions = {
            "http_version": b"HTTP/" + head.http_version,
            "reason_phrase": head.reason,
            "network_stream": self.stream,
        }
        headers = head.headers.raw_items()
        if self.has_answered and not hold:
            self.finished()
            return Answer(head.status_code, headers, extensions, b"".join(chunks))
        rest = Rest(self, chunks, broken, timeouts.get("read"))
        return Answer(head.status_code, headers, extensions, None, rest)

    async def _send(self, request: Outgoing, timeout: float | None) -> None:
        send, stream = self._h11.send, request.stream
        try:
            data = send(h11.Request(method=request.method, target=request.target, headers=request.headers))
            if type(stream) is self.kind.byte_stream:
                for chunk in stream:
                    data = await self._add(data, chunk, timeout)
            elif self.kind.sync:
                await self.io.write(data, timeout)
                for chunk in stream:
                    await self.io.write(send(h11.Data(chunk)), timeout)
                data = b""
            else:
                await self.io.write(data, timeout)
                async for chunk in stream:
                    await self.io.write(send(h11.Data(chunk)), timeout)
                data = b""
            data += send(h11.EndOfMessage())
        except h11.LocalProtocolError as exc:
            raise self._core.LocalProtocolError(exc) from exc
        if data:
            await self.io.write(data, timeout)

    async def _add(self, data: bytes, chunk: bytes, timeout: float | None) -> bytes:
        """Small bodies ride with the head."""
        if not chunk:
            return data
        body: bytes = self._h11.send(h11.Data(chunk))
        if len(body) <= ONE_WRITE:
            return data + body
        await self.io.write(data, timeout)
        await self.io.write(body, timeout)
        return b""

    async def _head(self, timeout: float | None) -> h11.Response:
        await self.read(timeout)  # nothing can be there yet: whatever trailed the last answer ended the connection
        while True:
            event = self.next_event()
            if event is h11.NEED_DATA:
                await self.read(timeout)
            elif type(event) is h11.Response:
                return event
            # else: informational, of which there may be several

    def next_event(self) -> Any:
        """The next event of h11, its errors in httpcore's words."""
        try:
            return self._h11.next_event()
        except h11.RemoteProtocolError as exc:
            raise self._core.RemoteProtocolError(exc) from exc

    async def read(self, timeout: float | None) -> None:
        """Feed h11 with what comes next."""
        data = await self.io.read(READ, timeout)
        if not data and self._h11.their_state is h11.SEND_RESPONSE:
            raise self._core.RemoteProtocolError("Server disconnected without sending a response.")
        self._h11.receive_data(data)

    def _arrived(self) -> tuple[list[bytes], Exception | None]:
        """The chunks of the body that are here already; an error in them is for the reader of the body."""
        chunks: list[bytes] = []
        try:
            while True:
                event = self.next_event()
                if type(event) is not h11.Data:
                    return chunks, None
                chunks.append(bytes(event.data))
        except self._core.RemoteProtocolError as exc:
            return chunks, exc

    @property
    def has_answered(self) -> bool:
        """Whether the end of the answer's body has come."""
        return self._h11.their_state not in (h11.SEND_BODY, h11.ERROR)

    def finished(self) -> None:
        """The answer is complete: free for the next request, unless one side said that this was the last."""
        state = self._h11
        if state.our_state is h11.DONE and state.their_state is h11.DONE and not state.trailing_data[0]:
            state.start_next_cycle()
            self.free()
        else:
            self.end()

    def free(self) -> None:
        """Nothing is under way on it: to the next one."""
        self.stream.attempt = None
        self._slots.give_back(self, now())

    def end(self) -> None:
        """Of no more use: forget it, and close the socket."""
        self._slots.discard(self)

    def lose(self) -> None:
        """`end`, for a finalizer."""
        self._slots.drop(self)

    def lost(self) -> None:
        """The peer has closed it; told by the stream, in the loop's thread. What is under way may still be complete."""
        self.dies = -math.inf
        self._slots.lost(self, now())

    def shut(self) -> None:
        """Close the socket at once, without waiting. Called by `Slots`, from any thread."""
        self.stream.attempt = self.stream.on_lost = None
        self.stream.abort()


class Rest:
    """What had not come of a body when its head was returned."""

    __slots__ = ("_broken", "_chunks", "_connection", "_over", "_timeout")

    def __init__(
        self, connection: Connection, chunks: list[bytes], broken: Exception | None, timeout: float | None
    ) -> None:
        self._connection = connection
        self._chunks = chunks[::-1]
        self._broken = broken
        self._timeout = timeout
        self._over = False

    async def next(self) -> bytes | None:
        """The next chunk; None at the end. Raises httpcore's errors; the connection has ended then."""
        if self._chunks:
            return self._chunks.pop()
        if self._over:
            return None
        try:
            return await self._received()
        except BaseException:
            self.drop()
            raise

    async def _received(self) -> bytes | None:
        connection = self._connection
        if self._broken is not None:
            raise self._broken
        while not connection.has_answered:
            event = connection.next_event()
            if type(event) is h11.Data:
                return bytes(event.data)
            if event is not h11.NEED_DATA:
                break
            await connection.read(self._timeout)
        self._over = True
        connection.finished()
        return None

    def drop(self) -> None:
        """Nobody wants the rest: a connection in the middle of a body is of no more use. Idempotent."""
        if not self._over:
            self._over = True
            if self._connection.has_answered:
                self._connection.finished()
            else:
                self._connection.end()

    async def aclose(self) -> None:
        self.drop()

    def lose(self) -> None:
        """`drop`, for a finalizer."""
        if not self._over:
            self._over = True
            self._connection.lose()


def peer_of(stream: Any) -> Any:
    """The peer's address; None where it has just reset the connection, which the first write or read then tells."""
    try:
        return stream.get_extra_info("server_addr")
    except OSError:
        return None


def announced(headers: h11._headers.Headers) -> float | None:
    """The seconds of `Keep-Alive: timeout=N` (RFC 2068 section 19.7.1), None where it is not said."""
    for name, value in headers:
        if name == b"keep-alive":
            for part in value.split(b","):
                key, _, number = part.partition(b"=")
                if key.strip().lower() == b"timeout" and number.strip().isdigit():
                    return float(number)
    return None
