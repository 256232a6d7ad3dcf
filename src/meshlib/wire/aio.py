"""Our network stream for asyncio, behind httpcore's public stream interface.

httpcore's own stands on anyio: a cancel scope for each read and each write, and a checkpoint in both, which is the
dearest thing between httpx and the socket. Here data that has arrived is returned at once, a wait is one Future, and
the attempt's deadline bounds every operation with one timer for the connection. It can be cut without waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from anyio.lowlevel import checkpoint

from meshlib.wire.current import clamp
from meshlib.wire.inbox import Inbox
from meshlib.wire.inherited import let_go
from meshlib.wire.readable import poller
from meshlib.wire.waits import Alarm, Side

if TYPE_CHECKING:
    from meshlib.call import Attempt

T = TypeVar("T")

HIGH, LOW = 128 * 1024, 64 * 1024
"""Unread bytes: the socket is left alone above the one, until they are fewer than the other. A loop reads up to 256 KiB
at a time, so that at most HIGH and that are kept."""

WRITE_SIZE = 65536
"""Bytes handed over at a time: the deadline is looked at, and httpx's write timeout begins, anew for each."""

HANDSHAKE = 86_400.0
"""Seconds after which asyncio itself would give up a TLS handshake: the caller's time ends it before, or nothing."""


class AioStreamCore(asyncio.Protocol):
    """Mixed with the module's AsyncNetworkStream. All but `abort` is for the loop's own thread.

    `attempt` is the attempt at work, whose deadline bounds every operation, None while idle. `on_lost` is called once,
    when the connection is lost, or when the peer ends it while nobody reads; never after `abort` or `aclose`.
    """

    core: Any

    __slots__ = (
        "_alarm",
        "_closed",
        "_ended",
        "_error",
        "_held",
        "_inbox",
        "_loop",
        "_paused",
        "_poll",
        "_reading",
        "_tls",
        "_transport",
        "_writing",
        "attempt",
        "on_lost",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.attempt: Attempt | None = None
        self.on_lost: Callable[[], object] | None = None
        self._loop = loop
        self._transport: Any = None
        self._tls = False
        self._alarm = Alarm(loop)
        self._reading = Side(self._alarm, self.core.ReadTimeout)
        self._writing = Side(self._alarm, self.core.WriteTimeout)
        self._inbox = Inbox()
        self._held = False  # we keep the transport from reading
        self._paused = False  # the transport keeps us from writing
        self._ended = False  # nothing more will come
        self._closed = False  # by us
        self._error: Exception | None = None
        self._poll: Any = None

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Up to `max_bytes` of what has come, at once; else what comes next. `b""` when the peer has ended.

        Raises the module's ReadTimeout after `timeout` seconds or at the attempt's deadline, and its ReadError.
        """
        left = clamp(self.attempt, timeout, self.core.ReadTimeout)
        if not self._inbox.size and not self._ended:
            await self._reading.wait(left)
        if self._closed or not self._inbox.size:
            return self._end()
        return self._take(max_bytes)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Hand everything to the socket; waits only while that takes no more.

        Raises the module's WriteTimeout when WRITE_SIZE bytes took longer than `timeout` seconds, or at the attempt's
        deadline, and its WriteError.
        """
        if not buffer:
            return
        for part in (buffer,) if len(buffer) <= WRITE_SIZE else _parts(buffer):
            left = clamp(self.attempt, timeout, self.core.WriteTimeout)
            self._send(part)
            if self._paused:
                await self._writing.wait(left)

    async def aclose(self) -> None:
        """Close it, without waiting for anything."""
        self.abort()

    async def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> Any:
        """Shake hands; the stream itself is then the encrypted one.

        Raises the module's ConnectTimeout and ConnectError; the connection is closed then.
        """
        left = clamp(self.attempt, timeout, self.core.ConnectTimeout)
        self._tls = True
        upgrade = self._loop.start_tls(
            self._transport, self, ssl_context, server_hostname=server_hostname, ssl_handshake_timeout=HANDSHAKE
        )
        transport = await self.opening(upgrade, left)
        if transport is None or self._closed:  # asyncio says so when it was cut in the midst
            self.abort()
            raise self.core.ConnectError("the connection was closed during the TLS handshake")
        self._transport = transport
        return self

    async def opening(self, step: Awaitable[T], left: float | None) -> T:
        """Await one step of opening the connection. If it fails or is cancelled, nothing stays open.

        Raises the module's ConnectTimeout after `left` seconds, and its ConnectError.
        """
        try:
            async with asyncio.timeout(left):
                return await step
        except TimeoutError as exc:
            self.abort()
            raise self.core.ConnectTimeout(str(exc)) from exc
        except OSError as exc:
            self.abort()
            raise self.core.ConnectError(str(exc)) from exc
        except BaseException:
            self.abort()
            raise

    def abort(self) -> None:
        """Cut the connection now, from any thread; once is enough. Whoever waits gets a ReadError or WriteError."""
        if self._closed:
            return
        self._closed = self._ended = True
        if _is_running(self._loop):
            self._cut()
            return
        try:
            self._loop.call_soon_threadsafe(self._cut)
        except RuntimeError:  # the loop is closed, and nobody waits in it; the descriptor is the transport's to close
            sock = self.get_extra_info("socket")
            with contextlib.suppress(OSError):
                if sock is not None:  # None: it never was connected
                    sock.shutdown(socket.SHUT_RDWR)

    def forget(self) -> None:
        """In a forked child: let go of the parent's connection, without a word to its peer or to the parent's loop."""
        self._closed = self._ended = True
        self._inbox.clear()
        let_go(self._transport)

    def is_readable(self) -> bool:
        """Whether something has come or ended: what was read already, and what the kernel knows."""
        if self._closed or self._ended or self._inbox.size:
            return True
        return self._poll is not None and bool(self._poll.poll(0))

    async def still_fit(self) -> bool:
        """Whether an idle connection can carry another request. Does not suspend without TLS.

        With TLS a readable socket may hold no more than a session ticket, which the loop must have time to take in.
        """
        if not self.is_readable():
            return True
        if not self._tls or self._ended or self._inbox.size:
            return False
        await checkpoint()  # the loop learns of the socket
        await checkpoint()  # and has read it
        return not self.is_readable()

    def get_extra_info(self, info: str) -> Any:
        """What httpcore's streams tell: ssl_object, client_addr, server_addr, socket, is_readable."""
        if info == "is_readable":
            return self.is_readable()
        if self._transport is None or info not in _NAMES:
            return None
        value = self._transport.get_extra_info(_NAMES[info])
        return value[:2] if isinstance(value, tuple) else value

    # What the loop calls.

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._poll = poller(transport.get_extra_info("socket"))
        if self._closed:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        self._inbox.put(data)
        if self._inbox.size > HIGH and not self._held:
            self._held = True
            self._transport.pause_reading()
        self._reading.wake()

    def eof_received(self) -> bool:
        self._ended = True
        if not self._reading.wake():
            self._tell_lost()
        return not self._tls  # a request may still be on its way out; TLS knows no half-closed connection

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended = True
        self._error = exc
        self._alarm.stop()
        self._reading.wake()
        self._writing.wake(self._unwritten())
        self._tell_lost()

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._writing.wake()

    # Steps.

    def _send(self, part: bytes) -> None:
        transport, attempt = self._transport, self.attempt
        if self._closed or transport.is_closing():
            raise self._unwritten()
        if attempt is not None and attempt.sent == "nothing":
            attempt.sent = "part"
        transport.write(part)
        if transport.is_closing():  # the peer had gone, which the loop tells later
            raise self._unwritten()

    def _take(self, max_bytes: int) -> bytes:
        """The next bytes out of what has come."""
        data = self._inbox.take(max_bytes)
        if self._held and self._inbox.size < LOW:
            self._held = False
            if not self._transport.is_closing():
                self._transport.resume_reading()
        return data

    def _end(self) -> bytes:
        if self._closed:
            raise self.core.ReadError("the connection was closed here")
        if self._error is not None:
            raise self.core.ReadError(str(self._error)) from self._error
        return b""

    def _unwritten(self) -> Exception:
        error: Exception = self.core.WriteError(str(self._error or "the connection is closed"))
        error.__cause__ = self._error
        return error

    def _cut(self) -> None:
        self._alarm.stop()
        self._inbox.clear()
        self._reading.wake()
        self._writing.wake(self._unwritten())
        if self._transport is not None:
            self._transport.abort()

    def _tell_lost(self) -> None:
        told, self.on_lost = self.on_lost, None
        if told is not None and not self._closed:
            told()


_NAMES = {"ssl_object": "ssl_object", "client_addr": "sockname", "server_addr": "peername", "socket": "socket"}


def _is_running(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether `loop` runs in this thread."""
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False


def _parts(buffer: bytes) -> list[Any]:
    view = memoryview(buffer)
    return [view[start : start + WRITE_SIZE] for start in range(0, len(view), WRITE_SIZE)]
