"""The second door: transports for SDKs that take a transport and no client.

In a stock client the pipeline runs in the transport. Under a meshlib client, whose attempt is marked, it is a plain
transport, so attempts never multiply.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from meshlib.door import Door, Sending, current_flow, failed, finished, sync_door
from meshlib.door_async import async_door, bounded
from meshlib.library import httpx_library
from meshlib.runtime.sync import Boxed, complete
from meshlib.wire import route

if TYPE_CHECKING:
    from meshlib.call import Attempt
    from meshlib.layer import Response
    from meshlib.mesh import Mesh


class SyncTransportDoor:
    """Mixed in above `httpx.HTTPTransport` or `httpx2.HTTPTransport`."""

    _meshlib: Door

    def handle_request(self, request: Any) -> Any:
        door = self._meshlib
        service = door.service_for(request)
        if service is None:
            return super().handle_request(request)  # type: ignore[misc]
        token = current_flow.set(current_flow.get() or door.open_flow(stream=True))
        try:
            call = door.new_call(request, service, self, self._transmit)
            call.transport = super()  # the rest of this object; what wraps the object itself is above the pipeline
            try:
                return finished(call, complete(service.handle(call)))
            except Exception as exc:
                failed(call, exc)
                raise
        finally:
            current_flow.reset(token)

    async def _transmit(self, attempt: Attempt) -> Response:
        with Sending(attempt) as request:
            try:
                response: Response = super().handle_request(request)  # type: ignore[misc]
            except StopIteration as stop:
                raise Boxed(stop) from None
        return released(attempt, response)


class AsyncTransportDoor:
    """Mixed in above `httpx.AsyncHTTPTransport` or `httpx2.AsyncHTTPTransport`."""

    _meshlib: Door

    async def handle_async_request(self, request: Any) -> Any:
        door = self._meshlib
        service = door.service_for(request)
        if service is None:
            return await super().handle_async_request(request)  # type: ignore[misc]
        token = current_flow.set(current_flow.get() or door.open_flow(stream=True))
        try:
            call = door.new_call(request, service, self, self._transmit)
            call.transport = super()  # the rest of this object; what wraps the object itself is above the pipeline
            try:
                return finished(call, await service.handle(call))
            except Exception as exc:
                failed(call, exc)
                raise
        finally:
            current_flow.reset(token)

    async def _transmit(self, attempt: Attempt) -> Response:
        return released(attempt, await bounded(attempt, self._transmit_now))

    async def _transmit_now(self, attempt: Attempt) -> Response:
        with Sending(attempt) as request:
            return await super().handle_async_request(request)  # type: ignore[misc,no-any-return]


def released(attempt: Attempt, response: Response) -> Response:
    """On a wire that is not ours (a proxy) an attempt ends with its headers."""
    if not attempt.call.pinned:
        attempt.release()
    return response


class HTTPTransport(SyncTransportDoor, httpx.HTTPTransport):
    """`httpx.HTTPTransport` with the pipeline in it. Takes its arguments, and `mesh`.

    httpx gives a client with `transport=` no proxies from the environment; that is so here too. The transport does not
    know whether the body will be streamed: it returns at the headers, and a body that breaks is not tried again.
    """

    def __init__(self, *args: Any, mesh: Mesh | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._meshlib = sync_door(mesh, httpx_library())
        route(self, self._meshlib.library)


class AsyncHTTPTransport(AsyncTransportDoor, httpx.AsyncHTTPTransport):
    """`httpx.AsyncHTTPTransport` with the pipeline in it. See `HTTPTransport`."""

    def __init__(self, *args: Any, mesh: Mesh | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._meshlib = async_door(mesh, httpx_library())
        route(self, self._meshlib.library)
