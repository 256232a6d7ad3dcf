"""The second door: transports for SDKs that take a transport and no client.

In a stock client the pipeline runs in the transport. Under a meshlib client, whose attempt is marked, it is a plain
transport, so attempts never multiply.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from meshlib.arguments import like_parent
from meshlib.mixins import AsyncTransportCore, SyncTransportCore, async_door, sync_door

if TYPE_CHECKING:
    from typing import Unpack

    from meshlib.arguments.of_httpx import TransportArguments
    from meshlib.mesh import Mesh


@like_parent
class HTTPTransport(SyncTransportCore, httpx.HTTPTransport):
    """`httpx.HTTPTransport` with the pipeline in it. Takes its arguments, and `mesh`.

    httpx gives a client with `transport=` no proxies from the environment; that is so here too. The transport does not
    know whether the body will be streamed: it returns at the headers, and a body that breaks is not tried again.
    """

    def __init__(self, *args: Any, mesh: Mesh | None = None, **kwargs: Unpack[TransportArguments]) -> None:
        super().__init__(*args, **kwargs)
        self._meshlib = sync_door(mesh, "httpx")
        self._meshlib.put_wire(self)


@like_parent
class AsyncHTTPTransport(AsyncTransportCore, httpx.AsyncHTTPTransport):
    """`httpx.AsyncHTTPTransport` with the pipeline in it. See `HTTPTransport`."""

    def __init__(self, *args: Any, mesh: Mesh | None = None, **kwargs: Unpack[TransportArguments]) -> None:
        super().__init__(*args, **kwargs)
        self._meshlib = async_door(mesh, "httpx")
        self._meshlib.put_wire(self)
