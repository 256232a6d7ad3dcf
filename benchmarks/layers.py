"""What all default layers add to a call, in microseconds of processor time, over a wire that does nothing.

`python -m benchmarks.layers`. A tight loop without a client, so that httpx's own cost is not in it; each figure is the
least of many short rounds, for a busy machine only ever adds, and the cases take turns. *chain* is the layers alone;
*hop* is all that meshlib does for a request: flow, journal, checks, the layers, and what the caller gets at the end.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import httpx

from meshlib.call import Attempt, Call, Flow
from meshlib.config import load
from meshlib.endpoint import Address, Endpoints
from meshlib.hop import arun
from meshlib.journal import Journal
from meshlib.layer import Context
from meshlib.library import httpx_library
from meshlib.pipeline import Chain, build
from meshlib.runtime.sync import SyncRuntime, complete
from meshlib.service import ServiceState

SERVICE = "payment-service"
ROUNDS, CALLS = 100, 200
RUNTIME = SyncRuntime()
LIBRARY = httpx_library()
SECTIONS = ("tracing", "deadline", "retry", "attempt", "balance", "breaker")
HEADERS = [("Host", SERVICE), ("Accept", "*/*"), ("Accept-Encoding", "gzip"), ("Connection", "keep-alive")]


async def null_wire(attempt: Attempt) -> Any:
    """Answers at once, as our own wire does: the headers have come, and there is no body to wait for."""
    attempt.returned = attempt.runtime.now()
    attempt.deadline = attempt.body_deadline
    response = httpx.Response.__new__(httpx.Response)
    response.__dict__.update(status_code=200, extensions=EXTENSIONS, request=attempt.request)
    attempt.release()
    return response


EXTENSIONS: dict[str, Any] = {}


def request() -> httpx.Request:
    return httpx.Request("GET", f"http://{SERVICE}/charge/42", headers=HEADERS)


def new_call(sent: Any, deadline: float | None) -> Call:
    now = RUNTIME.now()
    flow = Flow(Journal(now), None if deadline is None else now + deadline, stream=False)
    return Call(sent, service=SERVICE, flow=flow, runtime=RUNTIME, library=LIBRARY, transmit=null_wire)


def default_chain(**sections: Any) -> Chain:
    """The chain of a service with three endpoints and otherwise these settings."""
    settings = load(services={SERVICE: sections}, environ={}).settings(SERVICE)
    context = Context(SERVICE, settings, Endpoints(), lambda event: None)
    context.endpoints.publish([Address(f"10.0.0.{n}", 80) for n in (1, 2, 3)], RUNTIME.now())
    return build(context)


def the_service(**sections: Any) -> ServiceState:
    """The same as a Mesh keeps it."""
    settings = load(services={SERVICE: sections}, environ={}).settings(SERVICE)
    state = ServiceState(SERVICE, settings, (), lambda event: None)
    state.endpoints.publish([Address(f"10.0.0.{n}", 80) for n in (1, 2, 3)], RUNTIME.now())
    return state


def chain_only(chain: Chain, deadline: float | None) -> Callable[[], Coroutine[Any, Any, Any]]:
    sent = request()

    async def once() -> Any:
        return await chain.handle(new_call(sent, deadline))

    return once


def wire_only() -> Callable[[], Coroutine[Any, Any, Any]]:
    """What a call costs that nobody shepherds: the null wire, with the one attempt it must be given."""
    call = new_call(request(), None)

    async def once() -> Any:
        return await null_wire(Attempt(call, 1, call.request, 0))

    return once


def whole_hop(service: ServiceState, deadline: float | None) -> Callable[[], Coroutine[Any, Any, Any]]:
    sent = request()

    async def once() -> Any:
        call = new_call(sent, deadline)
        return await arun(call, sent, service)

    return once


def microseconds(once: Callable[[], Coroutine[Any, Any, Any]], calls: int = CALLS) -> float:
    """Processor time of one call."""

    async def loop() -> None:
        for _ in range(calls):
            await once()

    started = time.process_time()
    complete(loop())
    return (time.process_time() - started) / calls * 1e6


def cases() -> dict[str, Callable[[], Awaitable[Any]]]:
    off = default_chain(**dict.fromkeys(SECTIONS, False))
    service = the_service()
    found = {
        "wire alone": wire_only(),
        "every layer off": chain_only(off, None),
        "default layers": chain_only(default_chain(), None),
        "default layers, deadline": chain_only(default_chain(), 1.0),
        "whole hop": whole_hop(service, None),
        "whole hop, deadline": whole_hop(service, 1.0),
    }
    for name in SECTIONS:
        found[f"without {name}, deadline"] = chain_only(default_chain(**{name: False}), 1.0)
    return found  # type: ignore[return-value]


def least(found: dict[str, Any], rounds: int = ROUNDS) -> dict[str, float]:
    best = dict.fromkeys(found, float("inf"))
    for _ in range(rounds):
        for name, once in found.items():
            best[name] = min(best[name], microseconds(once))
    return best


def main() -> None:
    figures = least(cases())
    bare = figures["wire alone"]
    print(f"{'µs per call, least of ' + str(ROUNDS) + ' rounds':<36} {'all':>7} {'added':>7}")
    for name, value in figures.items():
        print(f"{name:<36} {value:>7.2f} {value - bare:>7.2f}")


if __name__ == "__main__":
    main()
