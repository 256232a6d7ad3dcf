"""The beginning and the end of a client's connections: opened before they are needed, and given time to finish.

Written once: the sync client completes these coroutines without an event loop.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from meshlib.endpoint import first_set
from meshlib.errors import NoEndpoints
from meshlib.hop import current_flow
from meshlib.runtime.context import restore
from meshlib.switch import switch
from meshlib.wire import is_routed
from meshlib.wire.outgoing import Outgoing
from meshlib.wire.private import below_instrumentation, is_closed, mounts, own_transport, pool_of

if TYPE_CHECKING:
    from meshlib.call import Attempt, Call
    from meshlib.door import Door
    from meshlib.endpoint import Endpoint


async def warm(door: Door, client: Any, url: Any, connections: int) -> int:
    """Have `connections` idle connections to each endpoint that `url` means, and return how many there are in all.

    An endpoint that cannot be reached is left out; only where none can, the last error is raised. While meshlib is
    switched off nothing is opened, so that a start which warms does not fail with the switch.
    """
    request = _checked(door, client, url, connections)
    if switch.off or not door.mesh.enabled:
        return 0
    transport = client._transport_for_url(request.url)
    service = door.mesh.route(request.url)
    if service is None or not is_routed(transport):
        raise ValueError(f"{request.url.host}: requests do not go over connections of meshlib's, which could be opened")
    flow = door.open_flow(request, stream=False)
    token = current_flow.set(flow)
    try:
        call = door.new_call(request, service, transport, None, True)
        supply = pool_of(below_instrumentation(transport)).supply
        return await _each(call, supply, await _endpoints(call, service), connections)
    finally:
        restore(current_flow, token)


def _checked(door: Door, client: Any, url: Any, connections: int) -> Any:
    """The request that connections are wanted for; raises as httpx would if it were sent."""
    if type(connections) is not int or connections < 1:
        raise ValueError(f"connections={connections!r}: must be a whole number, 1 or more")
    if is_closed(client):
        raise RuntimeError("Cannot open connections, as the client has been closed.")
    request = client.build_request("GET", url)
    scheme = request.url.scheme
    if scheme not in ("http", "https"):
        wrong = (
            f"has an unsupported protocol '{scheme}://'" if scheme else "is missing an 'http://' or 'https://' protocol"
        )
        raise door.library.hx.UnsupportedProtocol(f"Request URL {wrong}.", request=request)
    return request


async def _endpoints(call: Call, service: Any) -> list[Endpoint | None]:
    """Those of the service; None for a host that nobody discovers."""
    endpoints = service.endpoints
    if endpoints.start is None and endpoints.current is None:
        return [None]
    left = None if call.deadline is None else max(call.deadline - call.runtime.now(), 0.0)
    published = await first_set(endpoints, call.runtime, left)
    if published is None or not published.endpoints:
        raise call.error(NoEndpoints, f"no endpoints of {call.service} to connect to", "balance")
    return list((endpoints.used or published).endpoints)


async def _each(call: Call, supply: Any, endpoints: list[Endpoint | None], connections: int) -> int:
    pools, failed, core = [], None, call.library.core
    for endpoint in endpoints:
        attempt = call.new_attempt()
        attempt.endpoint = endpoint
        try:
            pools.append(await supply.warm(attempt, _outgoing(attempt), connections))
        except (core.ConnectError, core.TimeoutException) as exc:
            failed = getattr(call.library.hx, type(exc).__name__)(str(exc), request=call.request)
    if failed is not None and not pools:
        raise failed
    return sum(min(len(pool.idle), connections) for pool in pools)


def _outgoing(attempt: Attempt) -> Outgoing:
    url = attempt.request.url
    extensions = {"timeout": attempt.request.extensions.get("timeout", {})}
    return Outgoing(b"GET", url.raw_scheme, url.raw_host, url.port, url.raw_path, [], None, extensions)


async def wind_down(door: Door, client: Any, grace: float) -> bool:
    """Begin no new request, and wait up to `grace` seconds for those under way. True when none is left."""
    if type(grace) not in (int, float) or not isfinite(grace) or grace < 0:
        raise ValueError(f"grace={grace!r}: must be a number of seconds, 0 or more")
    transports = {id(each): each for each in (own_transport(client), *mounts(client).values()) if each is not None}
    supplies = [pool_of(below_instrumentation(each)).supply for each in transports.values() if is_routed(each)]
    began = door.runtime.now()
    signals = [supply.slots.last_words(began) for supply in supplies]
    quiet = True
    for signal in signals:
        quiet &= await door.runtime.wait(signal, max(began + grace - door.runtime.now(), 0.0))
    return quiet
