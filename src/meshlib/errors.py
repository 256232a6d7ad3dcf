"""The errors meshlib raises.

    Exception
    ├── MeshError                raised by a layer; carries .layer .service .journal .flag
    │   ├── DeadlineExceeded     the call's deadline ended it              UT   also TimeoutException
    │   ├── NoEndpoints          nothing to send to                        UH   also TransportError
    │   ├── NoRoute              no service is configured for the host     NR   also TransportError
    │   ├── CircuitOpen          the service's only endpoint is broken     UO   also TransportError
    │   ├── RequestRefused       a field of the request cannot be sent     DI   also LocalProtocolError
    │   └── ResponseTooLarge     a body above `wire.max_response_bytes`    LR   also DecodingError
    ├── PipelineError            a layer stands in a wrong place, or waits for something it must not
    └── ConfigError(ValueError)  every problem of a configuration, together

The right-hand column is Envoy's response flag and the class of httpx (or httpx2) that the raised object is an instance
of as well: `raised_as` joins the two families once per module, so `except httpx.HTTPError` and
`except meshlib.MeshError` both catch it, whichever module the client stands on.

Errors of httpx itself pass through meshlib unchanged.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, cast

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meshlib.journal import Journal


class MeshError(Exception):
    """A call was ended by a layer of meshlib.

    Attributes: `layer` (its name, as in the configuration), `service` (its key, None for an unconfigured host),
    `journal` (what happened in the call), `flag` (Envoy's response flag).
    """

    flag: ClassVar[str] = ""
    also: ClassVar[str] = "TransportError"

    layer: str = ""
    service: str | None = None
    journal: Journal | None = None


class DeadlineExceeded(MeshError):
    """The call's deadline passed: while picking, waiting, backing off, in an attempt, or in the body."""

    flag = "UT"
    also = "TimeoutException"


class NoEndpoints(MeshError):
    """Discovery knows no endpoint of the service, or gave no first answer in time."""

    flag = "UH"


class NoRoute(MeshError):
    """`unconfigured = "refuse"` and no service is configured for this host."""

    flag = "NR"


class CircuitOpen(MeshError):
    """The only endpoint of the service has failed too often; calls are let through again when a trial succeeds."""

    flag = "UO"


class RequestRefused(MeshError):
    """A header name or value, or the URL, holds something that must never reach the wire."""

    flag = "DI"
    also = "LocalProtocolError"


class ResponseTooLarge(MeshError):
    """The response is longer, decoded, than `max_response_bytes` allows; its connection was closed.

    It is httpx's DecodingError too, which no tool takes for a broken connection: asked again, the service would send
    the same.
    """

    flag = "LR"
    also = "DecodingError"


class PipelineError(Exception):
    """A layer stands where it must not, or waits for something other than `inner` and the runtime."""


class ConfigError(ValueError):
    """A configuration cannot be used. `problems` has one line for each thing that is wrong."""

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems: tuple[str, ...] = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


@cache
def raised_as(kind: Any, module: Any) -> type[MeshError]:
    """The class that is raised for `kind` in clients of `module` (httpx or httpx2): both families in one."""
    bases = (kind, getattr(module, kind.also))

    def reduce(self: MeshError) -> tuple[object, ...]:
        return _unpickled, (kind, module.__name__, self.args, vars(self))

    body = {"__module__": kind.__module__, "__reduce__": reduce}
    return cast("type[MeshError]", type(kind.__name__, bases, body))


def _unpickled(kind: Any, module: str, args: tuple[Any, ...], state: dict[str, Any]) -> MeshError:
    """An error that came from another process: pickle cannot find its class by name, which is that of `kind`."""
    exc = raised_as(kind, import_module(module))(*args)
    vars(exc).update(state)
    return exc
