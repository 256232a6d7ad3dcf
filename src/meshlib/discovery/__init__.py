"""Where a service's endpoints are found: the sources, the control loop that asks them, and what it publishes.

    watch(source, endpoints, service=..., emit=...) > Watch (one service) > ControlLoop (the process's thread)
        > Poller (one name at one source) > Lookup (the source)

The names below are looked up on first use: `meshlib.config` imports `discovery.config` and needs nothing of the rest.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from meshlib.discovery.dial import DialNames
    from meshlib.discovery.system import resolve_in_thread, resolve_once
    from meshlib.discovery.watching import Watch, watch

__all__ = ["DialNames", "Watch", "resolve_in_thread", "resolve_once", "watch"]

_HOME = {
    "DialNames": "dial",
    "Watch": "watching",
    "resolve_in_thread": "system",
    "resolve_once": "system",
    "watch": "watching",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
