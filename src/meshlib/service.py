"""One service while the process runs: its endpoints, and the chain of layers that its calls go through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshlib.config.options import Options
from meshlib.endpoint import Endpoints
from meshlib.errors import ConfigError
from meshlib.layer import Context
from meshlib.pipeline import build, build_safe
from meshlib.wire.tls import ServiceTls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meshlib.call import Call
    from meshlib.config import Settings
    from meshlib.events import Listener
    from meshlib.insertion import Insertion
    from meshlib.layer import Response
    from meshlib.pipeline import Chain

OPTIONS = "meshlib"
"""The key of `meshlib.options(...)` in `request.extensions`."""


def options_of(request: Any) -> Options | None:
    """What a request sets for itself. Raises ConfigError for what `meshlib.options(...)` did not make."""
    given: Options | None = request.extensions.get(OPTIONS)
    if given is not None and not isinstance(given, Options):
        raise ConfigError(
            f'extensions["{OPTIONS}"] = {type(given).__name__} (call): must come from meshlib.options(...)'
        )
    return given


MAX_VARIANTS = 256
"""Chains kept for calls with options of their own; more than this many different options are rebuilt when they come."""


class ServiceState:
    """What the mesh keeps of a service, or of all unconfigured hosts together (`name` is None).

    `names` resolves at dial time, for hosts that no source knows (`unconfigured = "mesh"`). `altered`: layers of the
    user's may change a request on its way down.
    """

    def __init__(
        self, name: str | None, settings: Settings, layers: Sequence[Insertion], emit: Listener, names: Any = None
    ) -> None:
        self.name = name
        self.settings = settings
        self.endpoints: Endpoints = names.endpoints if names else Endpoints()
        self.names = names
        self.has_discovery = settings.discovery is not None
        self.tls = ServiceTls(settings.tls, name) if settings.tls else None
        self.max_connections = settings.wire.max_connections if name is not None else None
        self.max_response_bytes = settings.wire.max_response_bytes
        self.context = Context(name, settings, self.endpoints, emit)
        self._layers = layers
        self.altered = bool(layers)
        self._variants: dict[Options, Chain] = {}
        self.chain = self._build(self.context)

    def timeout(self, options: Options | None) -> float | None:
        """Seconds that a call may take, with the options it brings; None: no limit."""
        if options is not None and options.bounds:
            return options.deadline.timeout if options.deadline else None
        return self.settings.deadline.timeout if self.settings.deadline is not None else None

    async def handle(self, call: Call) -> Response:
        """Send one call through the chain."""
        options = options_of(call.request)
        chain = self.chain if options is None else self._variant(options)
        return await chain.handle(call)

    def _build(self, context: Context) -> Chain:
        return build_safe(context) if self.name is None else build(context, self._layers)

    def _variant(self, options: Options) -> Chain:
        """The chain for calls with these options; it shares budgets, endpoints and breakers with the usual one."""
        if options.only_a_time and (self.settings.deadline is not None or not options.deadline):
            return self.chain
        found = self._variants.get(options)
        if found is None:
            found = self._build(self.context.with_settings(self.settings.replace(options)))
            if len(self._variants) >= MAX_VARIANTS:
                self._variants.clear()
            self._variants[options] = found
        return found
