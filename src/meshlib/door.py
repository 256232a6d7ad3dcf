"""The door: where a request of httpx enters the pipeline, and where an attempt leaves it again.

The pipeline runs in `_send_single_request`, under auth, redirects and event hooks, and an attempt is httpx's own
`_send_single_request`. So everything that patches, mocks or instruments a transport works as before, once per attempt,
and a user's own transport stays the object he gave. Why here and nowhere else: docs/adr/0003-the-door.md.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from meshlib.call import Call, Flow
from meshlib.hop import apart, arun, current_flow, is_attempt, is_mocked, run
from meshlib.journal import Journal
from meshlib.layers.deadline.policy import earliest
from meshlib.lean.send import aended, ended, lean
from meshlib.lean.way import Way
from meshlib.library import httpx2_library, httpx_library
from meshlib.lifetime import warm, wind_down
from meshlib.mesh import Mesh, default_mesh
from meshlib.runtime.aio import AioRuntime
from meshlib.runtime.context import restore
from meshlib.runtime.sync import SyncRuntime, complete
from meshlib.sending import aread, read, transmit, transmit_async
from meshlib.service import options_of
from meshlib.switch import switch
from meshlib.wire import is_routed, route
from meshlib.wire.private import own_transport

if TYPE_CHECKING:
    from meshlib.runtime.base import Runtime
    from meshlib.service import ServiceState

REDIRECTION = 3
"""First digit of a status which may be a redirect."""


class Door:
    """What a client needs to send a request through its mesh; one for each client.

    `proxies` are the proxy transports that httpx itself made, from the environment or from `proxy=`, by their id. `way`
    tells which requests go past httpx's own `send`.
    """

    __slots__ = ("library", "mesh", "mocked", "proxies", "runtime", "way")

    def __init__(self, mesh: Mesh | None, module: str, runtime: Runtime) -> None:
        self.mesh = the_mesh(mesh)
        self.library = httpx_library() if module == "httpx" else httpx2_library()
        self.runtime = runtime
        self.way = Way(self.library, sync=runtime is _sync_runtime)
        self.mocked = partial(is_mocked, self.library)
        self.proxies: dict[int, Any] = {}

    def made(self, transport: Any, kwargs: dict[str, Any]) -> Any:
        """Put the wire under the transport that the constructor made; one that the user gave stays as it is."""
        if kwargs.get("transport") is None:
            self.put_wire(transport)
        return transport

    def put_wire(self, transport: Any) -> bool:
        """Put the wire under a transport of httpx's own, unless meshlib is switched off. True where it now is there."""
        return is_routed(transport) or (self.mesh.enabled and route(transport, self.library))

    def made_proxy(self, transport: Any) -> Any:
        """Remember a proxy transport of httpx's own making."""
        self.proxies[id(transport)] = transport
        return transport

    def chosen(self, client: Any, transport: Any, url: Any) -> Any:
        """A service with `discovery` goes past a proxy that httpx itself set up; all else goes where httpx says."""
        if id(transport) in self.proxies and not switch.off:
            service = self.mesh.route(url)
            if service is not None and service.has_discovery:
                return own_transport(client)
        return transport

    def service_for(self, request: Any) -> ServiceState | None:
        """The service of a request; None if httpx alone shall send it: an attempt on its way down, `direct`, or off."""
        if switch.off or is_attempt(request):
            return None
        flow, url = current_flow.get(), request.url
        if flow is not None and flow.first is not None and flow.first[0] is url:
            return flow.first[1]  # type: ignore[no-any-return]
        return self.mesh.route(url)

    def open_flow(self, request: Any, stream: bool) -> Flow:
        """Begin a `send()`: its deadline is stamped here, once for all hops, by the service that was asked for.

        One that runs inside another (a token is fetched, say) inherits that one's deadline; a call's own comes first.
        """
        now, outer = self.runtime.now(), current_flow.get()
        options = options_of(request)
        service = None if switch.off else self.mesh.route(request.url)
        timeout = service.timeout(options) if service is not None else None
        inherited = outer.deadline if outer is not None else None
        if options is not None and options.bounds:
            inherited = None
        return Flow(Journal(now), earliest(inherited, now, timeout), stream, (request.url, service))

    def hop_call(self, request: Any, service: ServiceState, transport: Any, transmit: Any) -> Call:
        """The call of one hop that httpx's own code sends."""
        return self.new_call(apart(request, self.library), service, transport, transmit, is_routed(transport))

    def lean_call(self, client: Any, request: Any, service: ServiceState, transport: Any) -> Call:
        """The call of a request that goes the lean way, where nothing of it is put on the caller's request."""
        self.way.names.opens(client)
        self.way.names.with_timeout(client, request)
        call = self.new_call(request, service, transport, partial(lean, self.way, client, transport), True)
        call.mocked = never  # the way was found free of mocks; a later attempt looks again
        return call

    def new_call(self, request: Any, service: ServiceState, transport: Any, transmit: Any, pinned: bool) -> Call:
        """The call of one hop."""
        options = options_of(request)
        return Call(
            request,
            service=service.name,
            flow=current_flow.get() or self.open_flow(request, stream=True),
            runtime=self.runtime,
            library=self.library,
            transmit=transmit,
            pinned=pinned,
            idempotent=options.idempotent if options else None,
            listeners=self.mesh.listeners,
            mocked=self.mocked,
            transport=transport,
            tls=service.tls,
            names=service.names,
            max_connections=service.max_connections,
            max_response_bytes=service.max_response_bytes,
            altered=service.altered,
        )


class SyncDoor(Door):
    """The door of blocking clients and transports."""

    __slots__ = ()

    def __init__(self, mesh: Mesh | None, module: str) -> None:
        super().__init__(mesh, module, _sync_runtime)

    def send(self, client: Any, send: Any, request: Any, stream: bool, kwargs: dict[str, Any]) -> Any:
        """A client's `send`: everything that happens in it belongs to one flow. `send` is httpx's own."""
        if is_attempt(request):
            return send(request, stream=stream, **kwargs)
        flow = self.open_flow(request, stream)
        token = current_flow.set(flow)
        try:
            transport = self.way.transport(client, request, kwargs) if flow.first[1] is not None else None
            if transport is None:
                return send(request, stream=stream, **kwargs)
            return self._lean(client, transport, request, flow, kwargs)
        finally:
            current_flow.reset(token)

    def _lean(self, client: Any, transport: Any, request: Any, flow: Flow, kwargs: dict[str, Any]) -> Any:
        service = flow.first[1]
        response = run(self.lean_call(client, request, service, transport), request, service)
        if response.status_code // 100 == REDIRECTION:
            return ended(self.way, client, request, response, kwargs, flow.stream)
        if not flow.stream:
            read(response)
        return response

    def hop(self, once: Any, transport_for_url: Any, request: Any) -> Any:
        """One request of a flow; `once` is httpx's own way of sending it."""
        service = self.service_for(request)
        if service is None:
            return once(request)
        call = self.hop_call(request, service, transport_for_url(request.url), partial(transmit, once))
        return run(call, request, service)

    def handle(self, transport: Any, below: Any, request: Any) -> Any:
        """A request that meets the pipeline in a transport. `below` is the rest of that object; what wraps the object
        itself is above the pipeline."""
        service = self.service_for(request)
        if service is None:
            return below.handle_request(request)
        token = current_flow.set(self.open_flow(request, stream=True))
        try:
            call = self.hop_call(request, service, transport, partial(transmit, below.handle_request))
            call.transport = below
            return run(call, request, service)
        finally:
            current_flow.reset(token)

    def warm(self, client: Any, url: Any, connections: int) -> int:
        """See `lifetime.warm`."""
        return complete(warm(self, client, url, connections))

    def wind_down(self, client: Any, grace: float) -> bool:
        """See `lifetime.wind_down`."""
        return complete(wind_down(self, client, grace))


class AsyncDoor(Door):
    """The door of async clients and transports."""

    __slots__ = ()

    def __init__(self, mesh: Mesh | None, module: str) -> None:
        super().__init__(mesh, module, _aio_runtime)

    async def send(self, client: Any, send: Any, request: Any, stream: bool, kwargs: dict[str, Any]) -> Any:
        """See `SyncDoor.send`."""
        if is_attempt(request):
            return await send(request, stream=stream, **kwargs)
        flow = self.open_flow(request, stream)
        token = current_flow.set(flow)
        try:
            transport = self.way.transport(client, request, kwargs) if flow.first[1] is not None else None
            if transport is None:
                return await send(request, stream=stream, **kwargs)
            return await self._lean(client, transport, request, flow, kwargs)
        finally:
            restore(current_flow, token)

    async def _lean(self, client: Any, transport: Any, request: Any, flow: Flow, kwargs: dict[str, Any]) -> Any:
        service = flow.first[1]
        response = await arun(self.lean_call(client, request, service, transport), request, service)
        if response.status_code // 100 == REDIRECTION:
            return await aended(self.way, client, request, response, kwargs, flow.stream)
        if not flow.stream:
            await aread(response)
        return response

    async def hop(self, once: Any, transport_for_url: Any, request: Any) -> Any:
        """See `SyncDoor.hop`."""
        service = self.service_for(request)
        if service is None:
            return await once(request)
        call = self.hop_call(request, service, transport_for_url(request.url), partial(transmit_async, once))
        return await arun(call, request, service)

    async def handle(self, transport: Any, below: Any, request: Any) -> Any:
        """See `SyncDoor.handle`."""
        service = self.service_for(request)
        if service is None:
            return await below.handle_async_request(request)
        token = current_flow.set(self.open_flow(request, stream=True))
        try:
            call = self.hop_call(request, service, transport, partial(transmit_async, below.handle_async_request))
            call.transport = below
            return await arun(call, request, service)
        finally:
            restore(current_flow, token)

    async def warm(self, client: Any, url: Any, connections: int) -> int:
        """See `lifetime.warm`."""
        return await warm(self, client, url, connections)

    async def wind_down(self, client: Any, grace: float) -> bool:
        """See `lifetime.wind_down`."""
        return await wind_down(self, client, grace)


def never() -> bool:
    """The `mocked` of a call that goes the lean way."""
    return False


def the_mesh(given: Mesh | None) -> Mesh:
    """The mesh that was given, else the one of the process. Raises TypeError for anything but a Mesh."""
    if given is not None and not isinstance(given, Mesh):
        raise TypeError(f"mesh= takes a meshlib.Mesh, not {type(given).__name__}")
    return given or default_mesh()


_sync_runtime = SyncRuntime()
_aio_runtime = AioRuntime()
