"""The door of async clients: the twin of `SyncDoor`, with `await`. See `door.py` for the reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio

from meshlib.door import Door, Sending, chosen, current_flow, failed, finished, made, made_proxy, the_mesh
from meshlib.runtime.aio import AioRuntime
from meshlib.wire.current import ATTEMPT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from meshlib.call import Attempt
    from meshlib.layer import Response
    from meshlib.library import Library
    from meshlib.mesh import Mesh


class AsyncDoor:
    """Mixed in above `httpx.AsyncClient` or `httpx2.AsyncClient`."""

    _meshlib: Door

    async def send(self, request: Any, *, stream: bool = False, **kwargs: Any) -> Any:
        """Send a request, as `httpx.AsyncClient.send` does; its hops share one deadline and one journal."""
        if ATTEMPT in request.extensions:
            return await super().send(request, stream=stream, **kwargs)  # type: ignore[misc]
        token = current_flow.set(self._meshlib.open_flow(stream))
        try:
            return await super().send(request, stream=stream, **kwargs)  # type: ignore[misc]
        finally:
            current_flow.reset(token)

    async def _send_single_request(self, request: Any) -> Any:
        service = self._meshlib.service_for(request)
        if service is None:
            return await super()._send_single_request(request)  # type: ignore[misc]
        call = self._meshlib.new_call(request, service, self._transport_for_url(request.url), self._transmit)
        try:
            return finished(call, await service.handle(call))
        except Exception as exc:
            failed(call, exc)
            raise

    async def _transmit(self, attempt: Attempt) -> Response:
        return await bounded(attempt, self._transmit_now)

    async def _transmit_now(self, attempt: Attempt) -> Response:
        with Sending(attempt) as request:
            response = await super()._send_single_request(request)  # type: ignore[misc]
            if not attempt.call.flow.stream:
                try:
                    await response.aread()
                except BaseException:
                    with anyio.CancelScope(shield=True):
                        await response.aclose()
                    raise
        if not attempt.call.pinned:
            attempt.release()
        return response  # type: ignore[no-any-return]

    def _transport_for_url(self, url: Any) -> Any:
        return chosen(self, super()._transport_for_url(url), url)  # type: ignore[misc]

    def _init_transport(self, *args: Any, **kwargs: Any) -> Any:
        return made(self, super()._init_transport(*args, **kwargs), kwargs)  # type: ignore[misc]

    def _init_proxy_transport(self, *args: Any, **kwargs: Any) -> Any:
        return made_proxy(self, super()._init_proxy_transport(*args, **kwargs))  # type: ignore[misc]


async def bounded(attempt: Attempt, transmit: Callable[[Attempt], Awaitable[Response]]) -> Response:
    """Send, and on a wire that is not ours put the one deadline scope directly round it."""
    if attempt.call.pinned or attempt.deadline is None:
        return await transmit(attempt)
    with anyio.move_on_after(max(attempt.deadline - attempt.runtime.now(), 0.0)):
        return await transmit(attempt)
    raise attempt.call.library.hx.ReadTimeout("the attempt's time is up", request=attempt.request)


def async_door(mesh: Mesh | None, library: Library) -> Door:
    """The door of an async client. Without a mesh, the one of the process."""
    return Door(mesh or the_mesh(), library, _aio_runtime)


_aio_runtime = AioRuntime()
