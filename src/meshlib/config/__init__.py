"""What a user writes, in code, environment or file, turned into checked settings whose every value knows its origin.

The public names are looked up on first use: the sections import pydantic, which `import meshlib` must not pay for,
and a section's module must be importable before this package is complete.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from meshlib.config.loader import load
    from meshlib.config.node import Origin
    from meshlib.config.options import Options, options
    from meshlib.config.result import Config
    from meshlib.config.service import Service
    from meshlib.config.settings import Settings

__all__ = ["Config", "Options", "Origin", "Service", "Settings", "load", "options"]

_HOME = {
    "Config": "result",
    "Options": "options",
    "Origin": "node",
    "Service": "service",
    "Settings": "settings",
    "load": "loader",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
