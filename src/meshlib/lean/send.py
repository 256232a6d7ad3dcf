"""The lean `send()` itself: one hop through the pipeline, whose attempts ask the router. Blocking, and async.

What follows a redirect is httpx's own code again, from the point at which `send` would have got there.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from meshlib.hop import is_mocked
from meshlib.sending import aread, over, read, take_in, take_in_async, transmit, transmit_async
from meshlib.wire.private import pool_of

if TYPE_CHECKING:
    from meshlib.call import Attempt
    from meshlib.layer import Response
    from meshlib.lean.way import Way


async def lean(way: Way, client: Any, transport: Any, attempt: Attempt) -> Response:
    """Send an attempt through the router of `transport`; blocking, it never suspends. Raises httpx's errors."""
    if attempt.number > 1 and not way.holds(client, transport):
        attempt.call.mocked = partial(is_mocked, way.library)
        return await (transmit if way.sync else transmit_async)(client._send_single_request, attempt)
    outgoing = way.outgoing(attempt)
    try:
        answer = await pool_of(transport).exchange(attempt, outgoing)
    except Exception as exc:
        way.in_httpx_words(exc, attempt.request)
        raise
    response = way.response(client, attempt, answer)
    if not response.is_closed and way.sync:
        take_in(attempt, response)
    elif not response.is_closed:
        await take_in_async(attempt, response)
    return over(attempt, response)


def ended(way: Way, client: Any, request: Any, response: Any, given: dict[str, Any], stream: bool) -> Any:
    """What `send` does with the response of its first hop: look for a redirect, and read what nobody streams."""
    if response.has_redirect_location:
        follow = way.names.follows(client, given)
        try:
            if follow:
                following = client._build_redirect_request(request, response)
                response.read()
            else:
                way.names.put_next(client, request, response)
        except BaseException:
            response.close()
            raise
        if follow:
            response = client._send_handling_redirects(following, follow_redirects=True, history=[response])
    if not stream:
        read(response)
    return response


async def aended(way: Way, client: Any, request: Any, response: Any, given: dict[str, Any], stream: bool) -> Any:
    """`ended` for asyncio and trio."""
    if response.has_redirect_location:
        follow = way.names.follows(client, given)
        try:
            if follow:
                following = client._build_redirect_request(request, response)
                await response.aread()
            else:
                way.names.put_next(client, request, response)
        except BaseException:
            await response.aclose()
            raise
        if follow:
            response = await client._send_handling_redirects(following, follow_redirects=True, history=[response])
    if not stream:
        await aread(response)
    return response
