"""The test kit: for tests of code that uses meshlib, and for meshlib's own.

Real sockets: `FaultServer`, `Fleet` and `DnsServer`, with `Mode` saying how requests are treated. Virtual time:
`VirtualRuntime` runs the shipped layers, `spawn` puts one layer on an inner that the test plays, `FleetSimulator` and
`Behaviour` stand for a whole fleet. `disable()` makes everything plain httpx for a while. Each is imported at its
first use: a fault server's process needs little of this.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from meshlib.testing.behaviour import Behaviour
    from meshlib.testing.disabled import disable
    from meshlib.testing.dns import DnsServer
    from meshlib.testing.fleet import FleetSimulator
    from meshlib.testing.script import spawn
    from meshlib.testing.server import FaultServer, Fleet, Mode
    from meshlib.testing.virtual import VirtualRuntime

__all__ = [
    "disable",
    # real sockets
    "FaultServer",
    "Fleet",
    "Mode",
    "DnsServer",
    # virtual time
    "VirtualRuntime",
    "spawn",
    "FleetSimulator",
    "Behaviour",
]

_HOME = {
    "disable": "disabled",
    "FaultServer": "server",
    "Fleet": "server",
    "Mode": "server",
    "DnsServer": "dns",
    "VirtualRuntime": "virtual",
    "spawn": "script",
    "FleetSimulator": "fleet",
    "Behaviour": "behaviour",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
