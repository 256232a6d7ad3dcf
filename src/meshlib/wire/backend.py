"""Dialling, behind httpcore's public backend interface: which address is dialled is decided here, never in the URL.

So Host, SNI, certificate checks, cookies and redirects stay those of the service's name.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import sniffio

from meshlib.address import dialable, is_ip
from meshlib.runtime.sync import complete
from meshlib.wire.current import clamp, current
from meshlib.wire.private import is_default_backend
from meshlib.wire.sock import usable

if TYPE_CHECKING:
    from meshlib.call import Attempt

Options = Iterable[Any] | None


class BackendCore:
    """What both backends share. `inner` is the backend that httpx would have used; `shared` is HTTP/2 without ALPN.

    `bare` is for our own pools: they get our own stream where there is one, and bind the attempt to it. For pools of
    httpcore's every stream is wrapped, since nobody tells those for which attempt they work.
    """

    stream: Any
    own: Any
    core: Any

    def __init__(self, inner: Any, shared: bool, *, bare: bool) -> None:
        self._inner = inner
        self._shared = shared
        self._bare = bare
        self._own = self.own() if is_default_backend(inner, self.core) else None

    def _wrap(self, inner: Any, backend: Any, attempt: Attempt | None) -> Any:
        if not self._bare:
            return self.stream(inner, self.core, self._shared)
        stream = inner if backend is self._own else self.stream(inner, self.core, self._shared)
        stream.attempt = attempt
        return stream

    async def _resolved(self, attempt: Attempt, host: str, timeout: float | None) -> None:
        """Look up a host that no source knows; the answer is what the next calls are balanced over."""
        left = clamp(attempt, timeout, self.core.ConnectTimeout)
        try:
            await attempt.call.names.resolve(host, attempt.runtime, left)
        except TimeoutError as exc:
            raise self.core.ConnectTimeout(str(exc)) from exc
        except OSError as exc:
            raise self.core.ConnectError(str(exc)) from exc

    def _target(self, attempt: Attempt | None, host: str, port: int) -> tuple[str, int]:
        """The address to dial: the endpoint's, and the URL's where the endpoint leaves something open."""
        endpoint = attempt.endpoint if attempt else None
        if attempt is None or endpoint is None:
            return (attempt.call.names.first() if attempt and attempt.call.names else None) or host, port
        address = endpoint.address
        if not address.by_hand and is_ip(address.host) and not dialable(address.host):
            raise self.core.ConnectError(f"{endpoint.name} is no address that discovery may name")
        return address.host, address.port or port


class SyncBackendCore(BackendCore):
    """Mixed with the module's NetworkBackend."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Options = None,
    ) -> Any:
        attempt = current.get()
        if attempt is not None and attempt.call.names is not None:
            complete(self._resolved(attempt, host, timeout))
        host, port = self._target(attempt, host, port)
        left = clamp(attempt, timeout, self.core.ConnectTimeout)
        backend = self._backend()
        inner = backend.connect_tcp(
            host=host, port=port, timeout=left, local_address=local_address, socket_options=socket_options
        )
        return self._wrap(inner, backend, attempt)

    def connect_unix_socket(self, path: str, timeout: float | None = None, socket_options: Options = None) -> Any:
        attempt, backend = current.get(), self._backend()
        left = clamp(attempt, timeout, self.core.ConnectTimeout)
        inner = backend.connect_unix_socket(path=path, timeout=left, socket_options=socket_options)
        return self._wrap(inner, backend, attempt)

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)

    def _backend(self) -> Any:
        return self._own if self._own is not None and usable() else self._inner


class AsyncBackendCore(BackendCore):
    """Mixed with the module's AsyncNetworkBackend."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Options = None,
    ) -> Any:
        attempt = current.get()
        if attempt is not None and attempt.call.names is not None:
            await self._resolved(attempt, host, timeout)
        host, port = self._target(attempt, host, port)
        left = clamp(attempt, timeout, self.core.ConnectTimeout)
        backend = self._backend()
        inner = await backend.connect_tcp(
            host=host, port=port, timeout=left, local_address=local_address, socket_options=socket_options
        )
        return self._wrap(inner, backend, attempt)

    async def connect_unix_socket(self, path: str, timeout: float | None = None, socket_options: Options = None) -> Any:
        attempt, backend = current.get(), self._backend()
        left = clamp(attempt, timeout, self.core.ConnectTimeout)
        inner = await backend.connect_unix_socket(path=path, timeout=left, socket_options=socket_options)
        return self._wrap(inner, backend, attempt)

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)

    def _backend(self) -> Any:
        """Our own streams are asyncio's; on trio httpcore's do the work."""
        return self._own if self._own is not None and sniffio.thread_local.name is None else self._inner
