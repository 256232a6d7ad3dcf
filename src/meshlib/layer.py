"""The contract of a layer, and nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from meshlib.config.settings import Settings
    from meshlib.endpoint import Endpoints
    from meshlib.events import Event

T = TypeVar("T")


class Response(Protocol):
    """What layers may rely on in a response of httpx or httpx2."""

    status_code: int
    headers: Any
    extensions: Any
    request: Any


Handler = Callable[[Any], Awaitable[Response]]
"""The rest of the way down. Takes a `Call` above `retry` and an `Attempt` below it."""


class Layer(Protocol):
    """One stage of the pipeline, written once for every client.

    `name` is its folder, configuration section, documentation page, event prefix and `error.layer`.
    """

    @property
    def name(self) -> str: ...

    async def handle(self, inner: Handler, call: Any) -> Response:
        """Answer `call`, usually by awaiting `inner` zero, one or several times.

        May wait only by `inner` and by `call.runtime`; holds no async generator. Closes every response it does not
        return (`call.runtime.close`). Lets BaseException, which is how cancellation arrives, pass. Is safe for calls of
        several threads and loops at once: what it keeps between calls lives behind a short lock in its policy.
        """


class BuiltLayer(Layer, Protocol):
    """What meshlib's own layers have besides: they are made from settings, and show the values that will run."""

    @classmethod
    def build(cls, context: Context) -> BuiltLayer | None:
        """Make the layer for one service, or None when it is off and shall not be in the chain."""

    def describe(self) -> Mapping[str, object]:
        """The settings in force, read from the built objects: `explain` prints these, not the configuration again."""


@dataclass(eq=False)
class Context:
    """What a layer gets when it is built for a service.

    A service has several chains when calls bring options of their own. `state` gives what they share (budgets,
    pickers, breakers): it makes the object at the first asking and returns the same one afterwards.
    """

    service: str | None
    settings: Settings
    endpoints: Endpoints
    emit: Callable[[Event], None]
    _shared: dict[str, Any] = field(default_factory=dict)

    def with_settings(self, settings: Settings) -> Context:
        """The same service with other settings, for the chain of a call that brings some."""
        return Context(self.service, settings, self.endpoints, self.emit, self._shared)

    def state(self, key: str, make: Callable[[], T]) -> T:
        found: T | None = self._shared.get(key)
        return found if found is not None else self._shared.setdefault(key, make())  # of two at once, the first stays
