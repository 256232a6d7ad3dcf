"""The second door: transports for SDKs that take a transport and no client.

In a stock client the pipeline runs in the transport. Under a meshlib client, whose attempt is marked, it is a plain
transport, so attempts never multiply.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import httpx

from meshlib.arguments import like_parent
from meshlib.door import Door, arun, current_flow, put_wire, run, sync_door
from meshlib.door_async import async_door
from meshlib.library import httpx_library
from meshlib.sending import transmit, transmit_async

if TYPE_CHECKING:
    from typing import Unpack

    from meshlib.arguments.of_httpx import TransportArguments
    from meshlib.mesh import Mesh


class SyncTransportDoor:
    """Mixed in above `httpx.HTTPTransport` or `httpx2.HTTPTransport`."""

    _meshlib: Door

    def handle_request(self, request: Any) -> Any:
        door = self._meshlib
        service = door.service_for(request)
        below: Any = super()  # the rest of this object; what wraps the object itself is above the pipeline
        if service is None:
            return below.handle_request(request)
        token = current_flow.set(door.open_flow(request, stream=True))
        try:
            call = door.new_call(request, service, self, partial(transmit, below.handle_request))
            call.transport = below
            return run(call, request, service)
        finally:
            current_flow.reset(token)


class AsyncTransportDoor:
    """Mixed in above `httpx.AsyncHTTPTransport` or `httpx2.AsyncHTTPTransport`."""

    _meshlib: Door

    async def handle_async_request(self, request: Any) -> Any:
        door = self._meshlib
        service = door.service_for(request)
        below: Any = super()
        if service is None:
            return await below.handle_async_request(request)
        token = current_flow.set(door.open_flow(request, stream=True))
        try:
            once = partial(transmit_async, below.handle_async_request)
            call = door.new_call(request, service, self, once)
            call.transport = below
            return await arun(call, request, service)
        finally:
            current_flow.reset(token)


@like_parent
class HTTPTransport(SyncTransportDoor, httpx.HTTPTransport):
    """`httpx.HTTPTransport` with the pipeline in it. Takes its arguments, and `mesh`.

    httpx gives a client with `transport=` no proxies from the environment; that is so here too. The transport does not
    know whether the body will be streamed: it returns at the headers, and a body that breaks is not tried again.
    """

    def __init__(self, *args: Any, mesh: Mesh | None = None, **kwargs: Unpack[TransportArguments]) -> None:
        super().__init__(*args, **kwargs)
        self._meshlib = sync_door(mesh, httpx_library())
        put_wire(self, self._meshlib)


@like_parent
class AsyncHTTPTransport(AsyncTransportDoor, httpx.AsyncHTTPTransport):
    """`httpx.AsyncHTTPTransport` with the pipeline in it. See `HTTPTransport`."""

    def __init__(self, *args: Any, mesh: Mesh | None = None, **kwargs: Unpack[TransportArguments]) -> None:
        super().__init__(*args, **kwargs)
        self._meshlib = async_door(mesh, httpx_library())
        put_wire(self, self._meshlib)
