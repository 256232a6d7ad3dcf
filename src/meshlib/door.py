"""The door: where a request of httpx enters the pipeline, and where an attempt leaves it again.

The pipeline runs in `_send_single_request`, under auth, redirects and event hooks, and an attempt is httpx's own
`_send_single_request`. So everything that patches, mocks or instruments a transport works as before, once per attempt,
and a user's own transport stays the object he gave. Why here and nowhere else: docs/adr/0003-the-door.md.
"""

from __future__ import annotations

from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any

from meshlib.call import Attempt, Call, Flow
from meshlib.checks import check_request
from meshlib.events import HopStarted
from meshlib.journal import EXTENSION, Journal
from meshlib.runtime.sync import Boxed, SyncRuntime, complete
from meshlib.service import OPTIONS
from meshlib.wire import is_routed, route
from meshlib.wire.current import ATTEMPT
from meshlib.wire.private import mocker_of, own_transport

if TYPE_CHECKING:
    from meshlib.layer import Response
    from meshlib.library import Library
    from meshlib.mesh import Mesh
    from meshlib.runtime.base import Runtime
    from meshlib.service import ServiceState

current_flow: ContextVar[Flow | None] = ContextVar("meshlib.flow", default=None)
"""The `client.send()` that is running: its hops, redirects and the requests of an auth flow share it."""


class Door:
    """What a client needs to send a request through its mesh; one for each client.

    `proxies` are the ids of proxy transports that httpx itself made, from the environment or from `proxy=`.
    """

    __slots__ = ("library", "mesh", "proxies", "runtime")

    def __init__(self, mesh: Mesh, library: Library, runtime: Runtime) -> None:
        self.mesh = mesh
        self.library = library
        self.runtime = runtime
        self.proxies: set[int] = set()

    def service_for(self, request: Any) -> ServiceState | None:
        """The service of a request; None when httpx alone shall send it: an attempt on its way down, or `direct`."""
        if ATTEMPT in request.extensions:
            return None
        return self.mesh.route(request.url)

    def open_flow(self, stream: bool) -> Flow:
        """Begin a `send()`. One that runs inside another (a token is fetched, say) inherits its deadline."""
        outer = current_flow.get()
        return Flow(Journal(self.runtime.now()), outer.deadline if outer else None, stream)

    def new_call(self, request: Any, service: ServiceState, transport: Any, transmit: Any) -> Call:
        """The call of one hop."""
        flow = current_flow.get() or self.open_flow(stream=True)
        options = request.extensions.get(OPTIONS)
        call = Call(
            request,
            service=service.name,
            flow=flow,
            runtime=self.runtime,
            library=self.library,
            transmit=transmit,
            pinned=is_routed(transport),
            idempotent=options.idempotent if options else None,
            listeners=self.mesh.listeners,
            mocked=partial(is_mocked, self.library),
            transport=transport,
            tls=service.tls,
            names=service.names,
            max_connections=service.max_connections,
        )
        check_request(call)
        call.emit(HopStarted(self.runtime.now(), request.method, told(request.url), service.name))
        return call


def told(url: Any) -> str:
    """A URL for people: without user, password and query, which may hold secrets."""
    path: bytes = url.raw_path.partition(b"?")[0]
    return f"{url.scheme}://{url.netloc.decode()}{path.decode()}"


def is_mocked(library: Library) -> bool:
    """Whether a mocking tool owns the wire at the moment."""
    return mocker_of(library) is not None


def finished(call: Call, response: Any) -> Any:
    """What the caller gets: his own request object, and the journal."""
    response.request = call.request
    response.extensions = {**response.extensions, EXTENSION: call.flow.journal}
    return response


def failed(call: Call, exc: Exception) -> None:
    """Put the caller's request and the journal on an error that leaves the pipeline."""
    if isinstance(exc, call.library.hx.RequestError):
        exc.request = call.request
    exc.journal = call.flow.journal  # type: ignore[attr-defined]


class Sending:
    """An attempt's request while it is sent: it carries the attempt and the mesh's headers, and nothing of them after.

    The caller's own request object is what the first attempt sends, and redirects copy its headers and extensions:
    neither an attempt nor a mesh header may stay in it.
    """

    __slots__ = ("_attempt", "_extensions")

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt

    def __enter__(self) -> Any:
        attempt, request = self._attempt, self._attempt.request
        self._extensions = request.extensions
        request.extensions = {**self._extensions, ATTEMPT: attempt}
        if attempt.deadline is not None and not attempt.call.pinned:
            request.extensions["timeout"] = self._bounded(attempt.deadline - attempt.runtime.now())
        for name, value in attempt.headers.items():
            request.headers[name] = value
        return request

    def __exit__(self, *exc_info: object) -> None:
        request = self._attempt.request
        request.extensions = self._extensions
        for name in self._attempt.headers:
            request.headers.pop(name, None)

    def _bounded(self, left: float) -> dict[str, float]:
        """On a wire that is not ours, httpx's four timeouts are what can be bounded."""
        own = self._extensions.get("timeout", {})
        left = max(left, 0.0)
        return {
            name: left if own.get(name) is None else min(own[name], left)
            for name in ("connect", "read", "write", "pool")
        }


class SyncDoor:
    """Mixed in above `httpx.Client` or `httpx2.Client`."""

    _meshlib: Door

    def send(self, request: Any, *, stream: bool = False, **kwargs: Any) -> Any:
        """Send a request, as `httpx.Client.send` does; its hops share one deadline and one journal."""
        if ATTEMPT in request.extensions:
            return super().send(request, stream=stream, **kwargs)  # type: ignore[misc]
        token = current_flow.set(self._meshlib.open_flow(stream))
        try:
            return super().send(request, stream=stream, **kwargs)  # type: ignore[misc]
        finally:
            current_flow.reset(token)

    def _send_single_request(self, request: Any) -> Any:
        service = self._meshlib.service_for(request)
        if service is None:
            return super()._send_single_request(request)  # type: ignore[misc]
        call = self._meshlib.new_call(request, service, self._transport_for_url(request.url), self._transmit)
        try:
            return finished(call, complete(service.handle(call)))
        except Exception as exc:
            failed(call, exc)
            raise

    async def _transmit(self, attempt: Attempt) -> Response:
        with Sending(attempt) as request:
            try:
                response = super()._send_single_request(request)  # type: ignore[misc]
            except StopIteration as stop:
                raise Boxed(stop) from None
            if not attempt.call.flow.stream:
                try:
                    response.read()
                except BaseException:
                    response.close()
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


def chosen(client: Any, transport: Any, url: Any) -> Any:
    """A service with `discovery` goes past a proxy that httpx itself set up; everything else goes where httpx says."""
    if id(transport) in client._meshlib.proxies:
        service = client._meshlib.mesh.route(url)
        if service is not None and service.has_discovery:
            return own_transport(client)
    return transport


def made(client: Any, transport: Any, kwargs: dict[str, Any]) -> Any:
    """Put the wire under the transport that the constructor made; one that the user gave stays as it is."""
    if kwargs.get("transport") is None and client._meshlib.mesh.enabled:
        route(transport, client._meshlib.library)
    return transport


def made_proxy(client: Any, transport: Any) -> Any:
    """Remember a proxy transport of httpx's own making."""
    client._meshlib.proxies.add(id(transport))
    return transport


def sync_door(mesh: Mesh | None, library: Library) -> Door:
    """The door of a blocking client. Without a mesh, the one of the process."""
    return Door(mesh or the_mesh(), library, _sync_runtime)


def the_mesh() -> Mesh:
    """The mesh of the process. Imported here: what it needs is no cost of `import meshlib`."""
    from meshlib.mesh import default_mesh

    return default_mesh()


_sync_runtime = SyncRuntime()
