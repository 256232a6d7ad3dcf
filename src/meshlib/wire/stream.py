"""A thin network stream round httpcore's own, sync and async.

It knows for which attempt a byte is written or read: `sent` becomes `part` just before the first byte of a request,
and each operation ends at the attempt's deadline at the latest. That bounds a head or body which drips byte by byte,
where httpx's own timeouts begin anew with every byte.

On HTTP/2 several attempts share a stream. Then only `sent` is kept; the router clamps httpx's timeouts instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sniffio

from meshlib.wire.current import clamp, current
from meshlib.wire.readable import Readable

if TYPE_CHECKING:
    from meshlib.call import Attempt

TICKET = 0.001
"""Seconds for which an idle stream of TLS is read, to take in the tickets that servers send after the handshake."""

WRITE_SIZE = 65536
"""Bytes of one write: the deadline is looked at again after each."""


class StreamCore:
    """What both streams share: the attempt at work, and when it begins."""

    def __init__(self, inner: Any, core: Any, shared: bool) -> None:
        self._inner = inner
        self._core = core
        self._shared = shared
        self.attempt: Attempt | None = None
        self._used = False
        self._peer: Any = None
        self._readable: Readable | None = None

    @property
    def on_lost(self) -> Any:
        """Called when the connection has ended, by a stream of ours below; httpcore's tell nobody."""
        return getattr(self._inner, "on_lost", None)

    @on_lost.setter
    def on_lost(self, tell: Any) -> None:
        if hasattr(self._inner, "on_lost"):
            self._inner.on_lost = tell

    def get_extra_info(self, info: str) -> Any:
        return self.is_readable() if info == "is_readable" else self._inner.get_extra_info(info)

    def is_readable(self) -> bool:
        """Whether the peer has sent or closed something while nobody read."""
        if self._readable is None:
            self._readable = Readable(self._inner)
        return self._readable()

    def _begin(self) -> None:
        """Called before each write. The first one of an attempt binds the stream to it.

        Raises ReadError, with nothing sent, when the peer closed the kept-alive connection in the meantime.
        """
        if self.attempt is not None and self.attempt.sent == "nothing":  # our own pool has bound it
            self.attempt.sent = "part"
        attempt = current.get()
        used, self._used = self._used, True
        if attempt is None or attempt is self.attempt:
            return
        if used and not self._shared:
            attempt.reused = True
            if self.is_readable():
                raise self._core.ReadError("the peer had closed the kept-alive connection; nothing was sent")
        attempt.sent = "part"
        attempt.peer = self._peer or self._ask_peer()
        if not self._shared:
            self.attempt = attempt
            attempt.on_release(self._forget)

    def _ask_peer(self) -> Any:
        """The peer's address; None where it has just reset the connection, which the write or read then tells."""
        try:
            self._peer = self._inner.get_extra_info("server_addr")
        except OSError:
            pass
        return self._peer

    def _forget(self, attempt: Attempt, error: BaseException | None) -> None:
        """An idle connection keeps nothing of the last attempt alive."""
        if self.attempt is attempt:
            self.attempt = None

    def forget(self) -> None:
        """In a forked child: the router keeps it, so that no finalizer closes what is the parent's."""
        if hasattr(self._inner, "forget"):
            self._inner.forget()

    def _may_hold_a_ticket(self) -> bool:
        return self.is_readable() and self._inner.get_extra_info("ssl_object") is not None

    def _share_on_http2(self, inner: Any) -> bool:
        tls = inner.get_extra_info("ssl_object")
        return self._shared or (tls is not None and tls.selected_alpn_protocol() == "h2")


class SyncStreamCore(StreamCore):
    """Mixed with the module's NetworkStream."""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data: bytes = self._inner.read(max_bytes, clamp(self.attempt, timeout, self._core.ReadTimeout))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._begin()
        for start in range(0, len(buffer), WRITE_SIZE):
            part = buffer if len(buffer) <= WRITE_SIZE else buffer[start : start + WRITE_SIZE]
            self._inner.write(part, clamp(self.attempt, timeout, self._core.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def abort(self) -> None:
        """Close it at once."""
        self._inner.abort() if hasattr(self._inner, "abort") else self._inner.close()

    def still_fit(self) -> bool:
        """Whether an idle connection can carry another request.

        With TLS a readable socket may hold no more than a session ticket, which this takes in.
        """
        if not self._may_hold_a_ticket():
            return not self.is_readable()
        try:
            self._inner.read(1, TICKET)
        except self._core.ReadTimeout:
            return not self.is_readable()
        except self._core.ReadError:
            pass
        return False

    def start_tls(self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None) -> Any:
        left = clamp(current.get(), timeout, self._core.ConnectTimeout)
        inner = self._inner.start_tls(ssl_context=ssl_context, server_hostname=server_hostname, timeout=left)
        return type(self)(inner, self._core, self._share_on_http2(inner))


class AsyncStreamCore(StreamCore):
    """Mixed with the module's AsyncNetworkStream."""

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data: bytes = await self._inner.read(max_bytes, clamp(self.attempt, timeout, self._core.ReadTimeout))
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._begin()
        await self._inner.write(buffer, clamp(self.attempt, timeout, self._core.WriteTimeout))

    async def aclose(self) -> None:
        await self._inner.aclose()

    def abort(self) -> None:
        """Close the socket at once, past the loop's own stream, which cannot do that without waiting."""
        if hasattr(self._inner, "abort"):
            self._inner.abort()
            return
        sock = self._inner.get_extra_info("socket")
        if sock is None:
            return
        if sniffio.thread_local.name == "trio":
            import trio

            trio.lowlevel.notify_closing(sock)
        sock.close()

    async def still_fit(self) -> bool:
        """See `SyncStreamCore.still_fit`."""
        if not self._may_hold_a_ticket():
            return not self.is_readable()
        try:
            await self._inner.read(1, TICKET)
        except self._core.ReadTimeout:
            return not self.is_readable()
        except self._core.ReadError:
            pass
        return False

    async def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> Any:
        left = clamp(current.get(), timeout, self._core.ConnectTimeout)
        try:
            inner = await self._inner.start_tls(ssl_context=ssl_context, server_hostname=server_hostname, timeout=left)
        except BaseException:  # httpcore's streams close themselves after an error, but not when cancelled
            self.abort()
            raise
        return type(self)(inner, self._core, self._share_on_http2(inner))
