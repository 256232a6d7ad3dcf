"""Dialling on asyncio, behind httpcore's public backend interface: what comes out is our own stream."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from typing import Any

import anyio

from meshlib.address import is_ip
from meshlib.wire.newsocket import new_socket
from meshlib.wire.race import race

Options = Iterable[Any] | None


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
        socket_options: Options = None,
    ) -> Any:
        """Raises the module's ConnectTimeout after `timeout` seconds, and its ConnectError."""
        loop = asyncio.get_running_loop()
        stream = self.stream(loop)

        async def connect(info: Any) -> socket.socket:
            return await _connected(new_socket(info[0], info[2], local_address, socket_options), info[4])

        async def dial() -> None:
            addresses = await _addresses(host, port)
            try:
                sock = await race(addresses, connect)
            except OSError as exc:
                raise OSError("All connection attempts failed") from exc  # as stock, through anyio, has it
            await loop.create_connection(lambda: stream, sock=sock)

        await stream.opening(dial(), timeout)
        return stream

    async def connect_unix_socket(self, path: str, timeout: float | None = None, socket_options: Options = None) -> Any:
        """Raises the module's ConnectTimeout after `timeout` seconds, and its ConnectError."""
        loop = asyncio.get_running_loop()
        stream = self.stream(loop)

        async def dial() -> None:
            sock = await _connected(new_socket(socket.AF_UNIX, 0, None, socket_options), path)
            await loop.create_unix_connection(lambda: stream, sock=sock)

        await stream.opening(dial(), timeout)
        return stream

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)


async def _addresses(host: str, port: int) -> list[Any]:
    if is_ip(host):  # no look-up, and no thread for it
        return socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)
    return await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)


async def _connected(sock: socket.socket, address: Any) -> socket.socket:
    try:
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock
