"""The door of async clients: the twin of `SyncDoor`, with `await`. See `door.py` for the reasons."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from meshlib.door import Door, arun, chosen, current_flow, is_attempt, made, made_proxy, the_mesh
from meshlib.runtime.aio import AioRuntime
from meshlib.sending import transmit_async

if TYPE_CHECKING:
    from meshlib.library import Library
    from meshlib.mesh import Mesh


class AsyncDoor:
    """Mixed in above `httpx.AsyncClient` or `httpx2.AsyncClient`."""

    _meshlib: Door

    async def send(self, request: Any, *, stream: bool = False, **kwargs: Any) -> Any:
        """Send a request, as `httpx.AsyncClient.send` does; its hops share one deadline and one journal."""
        send, door = super().send, self._meshlib  # type: ignore[misc]
        if is_attempt(request):
            return await send(request, stream=stream, **kwargs)
        token = current_flow.set(door.open_flow(request, stream))
        try:
            return await send(request, stream=stream, **kwargs)
        finally:
            current_flow.reset(token)

    async def _send_single_request(self, request: Any) -> Any:
        once, door = super()._send_single_request, self._meshlib  # type: ignore[misc]
        service = door.service_for(request)
        if service is None:
            return await once(request)
        transport = self._transport_for_url(request.url)
        call = door.new_call(request, service, transport, partial(transmit_async, once))
        return await arun(call, request, service)

    def _transport_for_url(self, url: Any) -> Any:
        return chosen(self, super()._transport_for_url(url), url)  # type: ignore[misc]

    def _init_transport(self, *args: Any, **kwargs: Any) -> Any:
        return made(self, super()._init_transport(*args, **kwargs), kwargs)  # type: ignore[misc]

    def _init_proxy_transport(self, *args: Any, **kwargs: Any) -> Any:
        return made_proxy(self, super()._init_proxy_transport(*args, **kwargs))  # type: ignore[misc]


def async_door(mesh: Mesh | None, library: Library) -> Door:
    """The door of an async client. Without a mesh, the one of the process."""
    return Door(the_mesh(mesh), library, _aio_runtime)


_aio_runtime = AioRuntime()
