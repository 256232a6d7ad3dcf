"""How a call ended, in one word out of a bounded set, for the label `meshlib.outcome`."""

from __future__ import annotations

from typing import Any

from meshlib.errors import MeshError


def outcome(result: Any, hx: Any) -> str:
    """`2xx` to `5xx` for a response; for what was raised its class, if it is meshlib's or the client module's.

    Every other exception is `error`, a cancellation (and whatever else is no Exception) `cancelled`: a class of the
    application would make the set of labels unbounded.
    """
    if not isinstance(result, BaseException):
        return f"{result.status_code // 100}xx"
    if not isinstance(result, Exception):
        return "cancelled"
    if isinstance(result, MeshError):
        return type(result).__name__
    if isinstance(result, hx.TransportError) and hasattr(hx, type(result).__name__):
        return type(result).__name__
    return "error"
