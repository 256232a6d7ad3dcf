"""Every private name of OpenTelemetry that meshlib relies on, and nothing else.

Each has a canary in `tests/layers/tracing/test_private.py`, which fails first when a release of theirs moves one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry import context, trace
from opentelemetry.metrics import _internal as metrics

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

HOOKED = ("handle_request", "handle_async_request")
"""The methods of a transport that opentelemetry-instrumentation-httpx wraps, on the class or on the instance."""

INSTRUMENTATION = "opentelemetry.instrumentation."
"""Where the wrapping functions and the transports of that package live."""

LEAVES = frozenset({"httpx", "httpx2", "meshlib", "builtins"})
"""Packages whose transports hold no other transport. `builtins` is where `super()` objects come from."""

NO_HTTP = context._SUPPRESS_HTTP_INSTRUMENTATION_KEY
NOTHING = context._SUPPRESS_INSTRUMENTATION_KEY
NOTHING_SPELLED = "suppress_instrumentation"
"""Context keys by which an application asks for no spans; the first two are random and cannot be spelled."""


def providers() -> tuple[TracerProvider | None, MeterProvider | None]:
    """The providers that were set, or None. `trace.get_tracer_provider()` costs 1 µs while there is none."""
    return trace._TRACER_PROVIDER, metrics._METER_PROVIDER


def suppressed(current: Context) -> bool:
    """Whether the application asked for no spans of HTTP in this context."""
    return bool(current.get(NO_HTTP) or current.get(NOTHING) or current.get(NOTHING_SPELLED))


def makes_spans(transport: Any, depth: int = 3) -> bool:
    """Whether OpenTelemetry's instrumentation makes a span for each request that `transport` handles.

    Its wrappers are told from those of other tools (VCR.py, a decorator of the application) by where the wrapping
    function lives. A transport that holds another one (a cache, a limiter) is looked into, `depth` transports deep, and
    one whose class overrides a wrapped method is taken to call it.
    """
    module = type(transport).__module__
    if module.startswith(INSTRUMENTATION) or any(_hooked(transport, name) for name in HOOKED):
        return True
    if depth == 1 or module.partition(".")[0] in LEAVES:
        return False
    held = getattr(transport, "__dict__", {}).values()
    return any(makes_spans(inner, depth - 1) for inner in held if any(hasattr(inner, name) for name in HOOKED))


def _hooked(transport: Any, name: str) -> bool:
    if _is_wrapper(getattr(transport, name, None)):
        return True
    return any(_is_wrapper(vars(cls).get(name)) for cls in type(transport).__mro__)


def _is_wrapper(method: Any) -> bool:
    while hasattr(method, "__wrapped__"):
        wrapper = getattr(method, "_self_wrapper", None)  # wrapt's name for the function that stands round
        wrapper = getattr(wrapper, "func", wrapper)
        if getattr(wrapper, "__module__", "").startswith(INSTRUMENTATION):
            return True
        method = method.__wrapped__
    return False
