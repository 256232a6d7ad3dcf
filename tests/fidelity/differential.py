"""The same scenario with a stock client, with ours and with a wrapped one: what is seen on both sides must be equal."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import meshlib
from tests.fidelity.server import RawServer
from tests.ways import Face, Way

Scenario = Callable[[Face], Awaitable[Any]]
Make = Callable[[], Any]

TRUST = ssl.create_default_context()
"""One for all clients: to make it takes longer than a test does."""

OWN_EXTENSIONS = {"network_stream", "meshlib.journal", "stream_id"}
"""Objects of the wire, and what meshlib adds by design."""


def told(outcome: Any) -> Any:
    """A response or an error as data that can be compared."""
    if isinstance(outcome, BaseException):
        return type(outcome), str(outcome), told_request(getattr(outcome, "_request", None))
    return {
        "status": (outcome.http_version, outcome.status_code, outcome.reason_phrase),
        "headers": outcome.headers.raw,
        "content": outcome.content if outcome.is_stream_consumed else None,
        "encoding": outcome.encoding if outcome.is_stream_consumed else None,
        "closed": outcome.is_closed,
        "cookies": sorted(outcome.cookies.items()),
        "history": [told(earlier) for earlier in outcome.history],
        "next": told_request(outcome.next_request),
        "request": told_request(outcome.request),
        "extensions": {k: v for k, v in outcome.extensions.items() if k not in OWN_EXTENSIONS},
    }


def told_request(request: Any) -> Any:
    """What the caller can see of a request afterwards."""
    if request is None:
        return None
    return request.method, str(request.url), request.headers.raw, sorted(request.extensions)


def clients(way: Way, kw: Callable[[], dict[str, Any]], mesh: meshlib.Mesh | None = None) -> dict[str, Make]:
    """How the clients to compare are made. `kw` makes their arguments, for a transport belongs to one client."""
    mesh = mesh or meshlib.Mesh()

    def arguments() -> dict[str, Any]:
        return {"verify": TRUST, **kw()}

    return {
        "stock": lambda: way.stock(**arguments()),
        "ours": lambda: way.new(mesh=mesh, **arguments()),
        "wrapped": lambda: meshlib.wrap(way.stock(**arguments()), mesh=mesh),
    }


def compare(
    way: Way,
    scenario: Scenario,
    *servers: RawServer,
    kw: Callable[[], dict[str, Any]] = dict,
    mesh: meshlib.Mesh | None = None,
) -> tuple[Any, Sequence[bytes]]:
    """Run `scenario` with each client. Returns what stock saw, and what the first server then received."""
    seen = {}
    for name, make in clients(way, kw, mesh).items():
        for server in servers:
            server.forget()
        outcome = way.use(make, scenario)
        seen[name] = (outcome, *(server.raw for server in servers))
        if name != "stock":
            assert seen[name] == seen["stock"], f"{name}\n{seen[name]}\nstock\n{seen['stock']}"[:4000]
    return seen["stock"][0], seen["stock"][1] if servers else ()
