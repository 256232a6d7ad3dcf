"""Mesh: services, their endpoints and what was learnt about them, shared by any number of clients."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from meshlib import discovery, wire
from meshlib.address import is_ip
from meshlib.config import load
from meshlib.endpoint import Address, first_set
from meshlib.errors import NoEndpoints, NoRoute
from meshlib.events import Event, Listener, notify
from meshlib.explain import explain
from meshlib.insertion import arranged
from meshlib.pipeline import PLACES
from meshlib.runtime.aio import AioRuntime
from meshlib.runtime.fork import new_lock, new_rlock
from meshlib.runtime.sync import SyncRuntime, complete
from meshlib.service import ServiceState

if TYPE_CHECKING:
    from pathlib import Path

    from meshlib.call import Call
    from meshlib.config import Config, Service
    from meshlib.config.section import Section
    from meshlib.insertion import Insertion
    from meshlib.layer import Response
    from meshlib.runtime.base import Runtime

MAX_HOSTS = 4096
"""Hosts whose service is remembered; and services that come from a pattern or from `unconfigured = "mesh"`."""


class Refusal:
    """Stands for every host that no service names, under `unconfigured = "refuse"`."""

    name = None
    names = tls = max_connections = max_response_bytes = settings = None
    has_discovery = altered = False

    def timeout(self, options: Any) -> None:
        """It takes no time to refuse."""

    async def handle(self, call: Call) -> Response:
        host = call.request.url.host or "a URL without a host"
        raise call.error(NoRoute, f'no service is configured for {host}, and unconfigured = "refuse"', "route")


class Mesh:
    """Services and everything that is known about them in this process.

    Args:
        services: key to Service (or a mapping of its fields). A key is a host name, with a port or without, or a
            pattern such as "*.prod.svc.cluster.local".
        defaults: sections that hold for every service.
        unconfigured: "safe" (default), "mesh", "direct" or "refuse": what happens to hosts that no service names.
        layers: your own layers and their places, `(layer, "above" | "below", "retry")`.
        file: a TOML or JSON file, in place of MESHLIB_CONFIG.

    Settings in code come before the environment (MESHLIB_*), that before the file, field by field.
    Raises ConfigError with every problem of every source, and PipelineError for a layer in a wrong place.
    """

    def __init__(
        self,
        services: Mapping[str, Service | Mapping[str, Any]] | None = None,
        *,
        defaults: Mapping[str, Section | Mapping[str, Any] | bool] | None = None,
        unconfigured: str | None = None,
        layers: Sequence[Insertion] = (),
        file: str | Path | None = None,
    ) -> None:
        self.config: Config = load(services=services, defaults=defaults, unconfigured=unconfigured, file=file)
        self.enabled = self.config.enabled
        self.listeners: list[Listener] = []
        self._layers = tuple(layers)
        self._lock = new_rlock()
        self._closed = False
        self._routes: dict[tuple[bytes, bytes, int | None], Any] = {}
        self._watches: dict[str, discovery.Watch] = {}
        self._passing: dict[str, None] = {}  # names of services made by a pattern or under "mesh", oldest first
        self._services: dict[str, ServiceState] = {}
        arranged(PLACES, self._layers)  # a wrong one is told here, not by the first request
        self._open()

    def _open(self) -> None:
        config = self.config
        if not self.enabled:
            _warn_disabled(config)
            return
        for key in config.services:
            if "*" not in key:
                self._service(key, key)
        builtin = load(environ={}).settings(None)
        fallbacks: dict[str, Any] = {"safe": ServiceState(None, builtin, (), self.emit), "refuse": Refusal()}
        self._fallback: Any = fallbacks.get(config.unconfigured)

    def route(self, url: Any) -> ServiceState | None:
        """The service a URL means; None when plain httpx shall send the request."""
        if not self.enabled:
            return None
        key = (url.raw_scheme, url.raw_host, url.port)
        try:
            found: ServiceState | None = self._routes[key]
        except KeyError:
            found = self._find(key, url)
        return found

    def listen(self, listener: Listener) -> Listener:
        """Tell `listener` every event from now on. It runs where the event happens: keep it short."""
        self.listeners.append(listener)
        return listener

    def emit(self, event: Event) -> None:
        """Tell the listeners about something that belongs to no single call."""
        if self.listeners:
            notify(self.listeners, event)

    def explain(self, url: str) -> str:
        """What a request to `url` goes through: each layer in order, its settings, their values and origins."""
        return explain(self, url)

    def snapshot(self) -> dict[str, Any]:
        """The state of every service at this moment, as plain data: its layers, endpoints, in-flight counts, breakers.

        `version` counts the sets of endpoints there have been; `age` is how many seconds ago the source last answered.
        """
        wire.bury()
        now = SyncRuntime().now()
        return {name: _snapshot(service, now) for name, service in list(self._services.items())}

    def ready(self, timeout: float | None = None) -> None:
        """Wait until every service has its first endpoints. Raises NoEndpoints naming those that have not in time."""
        complete(self._ready(SyncRuntime(), timeout))

    async def aready(self, timeout: float | None = None) -> None:
        """`ready`, for asyncio and trio."""
        await self._ready(AioRuntime(), timeout)

    async def _ready(self, runtime: Runtime, timeout: float | None) -> None:
        waiting = [s for s in list(self._services.values()) if s.has_discovery and s.endpoints.start]
        for service in waiting:
            assert service.endpoints.start is not None
            service.endpoints.start()
        until = None if timeout is None else runtime.now() + timeout
        for service in waiting:
            await first_set(service.endpoints, runtime, None if until is None else max(until - runtime.now(), 0.0))
        missing = [service.name for service in waiting if service.endpoints.current is None]
        if missing:
            raise NoEndpoints(f"no endpoints after {timeout} s for: {', '.join(map(str, missing))}")

    def close(self) -> None:
        """Stop discovery. Clients of this mesh go on with the endpoints that are known."""
        with self._lock:
            self._closed = True
            for watch in self._watches.values():
                watch.close()
            self._watches.clear()

    def __enter__(self) -> Mesh:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _find(self, key: tuple[bytes, bytes, int | None], url: Any) -> Any:
        with self._lock:
            if len(self._routes) >= MAX_HOSTS:
                self._routes.clear()
            host, port = url.host, url.port or {"http": 80, "https": 443}.get(url.scheme)
            match = self.config.match(url.raw_host.decode("ascii"), port)
            found: Any
            if match is not None and "*" not in match:
                found = self._service(match, match)
            elif match is not None or self.config.unconfigured == "mesh":
                found = self._service(str(Address(host, None if port == 80 else port)), match, host)
            else:
                found = self._fallback
            self._routes[key] = found
            return found

    def _service(self, name: str, key: str | None, host: str = "") -> ServiceState:
        """The state of a service, made at first sight. `key` is its entry in the configuration, None: the defaults."""
        found = self._services.get(name)
        if found is None:
            found = self._services[name] = self._new_service(name, key, host)
            if key is None or "*" in key:
                self._keep_few(name)
        return found

    def _new_service(self, name: str, key: str | None, host: str) -> ServiceState:
        settings = self.config.settings(key)
        names = discovery.DialNames() if key is None and _balanceable(host) else None
        service = ServiceState(name, settings, self._layers, self.emit, names)
        if settings.discovery is not None:
            watch = discovery.watch(settings.discovery, service.endpoints, service=name, emit=self.emit)
            if watch is not None:
                self._watches[name] = watch
                if self._closed:
                    watch.close()
        return service

    def _keep_few(self, name: str) -> None:
        """Forget the oldest service that only a request's host brought up: hosts may come from outside, without end."""
        self._passing[name] = None
        if len(self._passing) > MAX_HOSTS:
            oldest = next(iter(self._passing))
            del self._passing[oldest], self._services[oldest]
            watch = self._watches.pop(oldest, None)
            if watch is not None:
                watch.close()
            self._routes.clear()


def _balanceable(host: str) -> bool:
    """IP literals and localhost are one place, whatever they resolve to."""
    return host != "localhost" and not is_ip(host)


def _snapshot(service: ServiceState, now: float) -> dict[str, Any]:
    current = service.endpoints.current
    endpoints = current.endpoints if current else ()
    return {
        "chain": str(service.chain),
        "version": current.version if current else 0,
        "age": None if service.endpoints.answered_at is None else now - service.endpoints.answered_at,
        "endpoints": {
            e.name: {
                "in_flight": e.in_flight,
                "breaker": e.gate.state if e.gate else "closed",
            }
            for e in endpoints
        },
    }


def _warn_disabled(config: Config) -> None:
    lost = [key for key, settings in config.services.items() if settings.discovery is not None]
    if lost:
        warnings.warn(
            f"MESHLIB_ENABLED=0: plain httpx; these services resolve by plain DNS only: {', '.join(lost)}", stacklevel=4
        )


_default: list[Mesh] = []
_default_lock = new_lock()


def default_mesh() -> Mesh:
    """The mesh of clients that were given none: made from file and environment at the first of them."""
    with _default_lock:
        if not _default:
            _default.append(Mesh())
        return _default[0]
