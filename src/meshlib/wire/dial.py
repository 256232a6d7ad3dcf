"""Opening a connection: the address of the attempt's endpoint, TLS for the URL's host, and what a tracer wants to know.

The names and order of what is traced and logged are httpcore's.
"""

from __future__ import annotations

import inspect
import logging
from typing import TYPE_CHECKING, Any

from meshlib.runtime.context import restore
from meshlib.wire.current import current

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from meshlib.call import Attempt
    from meshlib.wire.kind import AsyncKind, SyncKind
    from meshlib.wire.outgoing import Outgoing

PORTS = {b"http": 80, b"ws": 80, b"https": 443, b"wss": 443}
SECURE = frozenset({b"https", b"wss"})


class Dialler:
    """Opens network streams with the settings of one client. Raises httpcore's ConnectError and ConnectTimeout."""

    def __init__(self, kind: AsyncKind | SyncKind, settings: dict[str, Any]) -> None:
        self._kind = kind
        self._settings = settings
        self._log = logging.getLogger(f"{kind.core.__name__}.connection")

    async def dial(self, attempt: Attempt | None, request: Outgoing, tls: Any) -> Any:
        """A stream to the endpoint of `attempt`, or to the URL's host; encrypted where the URL's scheme says so.

        `tls` is the service's own context, None the client's. Without an endpoint the client's `retries` count.
        """
        endpoint = attempt.endpoint if attempt is not None else None
        retries = 0 if endpoint is not None else self._settings["retries"]
        token = current.set(attempt)
        try:
            for again in range(retries + 1):
                try:
                    return await self._once(request, endpoint, tls)
                except (self._kind.core.ConnectError, self._kind.core.ConnectTimeout):
                    if again == retries:
                        raise
                    await self._kind.runtime.sleep(0.5 * 2 ** (again - 1) if again else 0.0)  # as httpcore waits
        finally:
            restore(current, token)
        raise AssertionError("the last round returns or raises")

    async def _once(self, request: Outgoing, endpoint: Any, tls: Any) -> Any:
        kind, settings = self._kind, self._settings
        timeout = request.timeouts.get("connect")
        uds = settings["uds"] if endpoint is None else endpoint.address.uds
        where: dict[str, Any] = {"timeout": timeout, "socket_options": settings["socket_options"]}
        if uds is None:
            host = {"host": request.host.decode("ascii"), "port": request.port or PORTS[request.scheme]}
            where = {**host, "local_address": settings["local_address"], **where}
        told = where if uds is None else {"path": uds, **where}
        name = "connect_tcp" if uds is None else "connect_unix_socket"
        stream = await self._traced(name, told, request, kind.connect(settings["network_backend"], uds, where))
        if request.scheme not in SECURE:
            return stream
        try:
            return await self._start_tls(stream, request, tls, timeout)
        except BaseException:
            stream.abort()
            raise

    async def _start_tls(self, stream: Any, request: Outgoing, tls: Any, timeout: float | None) -> Any:
        context = tls or self._settings["ssl_context"] or self._kind.core.default_ssl_context()
        context.set_alpn_protocols(["http/1.1", "h2"] if self._settings["http2"] else ["http/1.1"])
        hostname = request.extensions.get("sni_hostname") or request.host.decode("ascii")
        told = {"ssl_context": context, "server_hostname": hostname, "timeout": timeout}
        return await self._traced("start_tls", told, request, self._kind.start_tls(stream, context, hostname, timeout))

    async def _traced(self, name: str, told: dict[str, Any], request: Outgoing, step: Awaitable[Any]) -> Any:
        trace = request.extensions.get("trace")
        if trace is None and not self._log.isEnabledFor(logging.DEBUG):
            return await step
        try:
            await self._tell(trace, f"{name}.started", told)
            result = await step
        except BaseException as exc:
            if inspect.iscoroutine(step):
                step.close()  # where the tracer itself raised
            await self._tell(trace, f"{name}.failed", {"exception": exc})
            raise
        try:
            await self._tell(trace, f"{name}.complete", {"return_value": result})
        except BaseException:  # the tracer's own, or a cancellation of it
            result.abort()
            raise
        return result

    async def _tell(self, trace: Any, name: str, told: dict[str, Any]) -> None:
        if trace is not None:
            await self._kind.result(trace(f"connection.{name}", told))
        if self._log.isEnabledFor(logging.DEBUG):
            self._log.debug("%s %s", name, " ".join(f"{key}={value!r}" for key, value in told.items()))
