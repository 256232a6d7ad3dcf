"""The service that the pages talk about, on fault servers."""

from __future__ import annotations

from typing import Any

import meshlib
from meshlib.testing.server import FaultServer, Mode, Request

NAME = "http://payment-service/"


def first(mode: Mode, then: Mode = Mode()) -> Any:  # noqa: B008 - a frozen value
    """A mode for a server: the first request is treated like this, all others like that."""
    seen: list[Request] = []

    def choose(request: Request) -> Mode:
        seen.append(request)
        return mode if len(seen) == 1 else then

    return choose


def on(*servers: FaultServer, **sections: Any) -> meshlib.Mesh:
    discovery = "static://" + ",".join(server.address for server in servers)
    return meshlib.Mesh({"payment-service": meshlib.Service(discovery, **sections)})
