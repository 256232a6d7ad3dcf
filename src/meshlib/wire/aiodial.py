"""Dialling on asyncio, behind httpcore's public backend interface: what comes out is our own stream."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import anyio

from meshlib.address import is_ip

STAGGER = 0.25
"""Seconds between one address of a name and the next, while the one before is still being tried (RFC 8305)."""


class AioBackendCore:
    """Mixed with the module's AsyncNetworkBackend; for asyncio only. `stream` makes a stream for a loop."""

    core: Any
    stream: Any

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> Any:
        """Raises the module's ConnectTimeout after `timeout` seconds, and its ConnectError."""
        loop = asyncio.get_running_loop()
        stream = self.stream(loop)
        more: dict[str, Any] = {}
        if local_address is not None:
            more["local_addr"] = (local_address, 0)
        if isinstance(loop, asyncio.BaseEventLoop) and not is_ip(host):  # uvloop has no such argument
            more["happy_eyeballs_delay"] = STAGGER
        await stream.opening(loop.create_connection(lambda: stream, host, port, **more), timeout)
        return self._set(stream, socket_options)

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> Any:
        """Raises the module's ConnectTimeout after `timeout` seconds, and its ConnectError."""
        loop = asyncio.get_running_loop()
        stream = self.stream(loop)
        await stream.opening(loop.create_unix_connection(lambda: stream, path), timeout)
        return self._set(stream, socket_options)

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)

    def _set(self, stream: Any, options: Iterable[Any] | None) -> Any:
        """The stream with the options set on its socket; asyncio has set TCP_NODELAY by itself."""
        sock = stream.get_extra_info("socket")
        try:
            for option in options or ():
                sock.setsockopt(*option)
        except OSError as exc:
            stream.abort()
            raise self.core.ConnectError(str(exc)) from exc
        return stream
