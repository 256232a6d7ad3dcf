"""`Client` and `AsyncClient` on httpx2, the continuation of httpx that most SDKs want. See `client.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx2

from meshlib.arguments import like_parent
from meshlib.mixins import (
    AsyncClientCore,
    AsyncTransportCore,
    SyncClientCore,
    SyncTransportCore,
    async_door,
    sync_door,
)

if TYPE_CHECKING:
    from typing import Unpack

    from meshlib.arguments.of_httpx2 import ClientArguments, TransportArguments
    from meshlib.mesh import Mesh


@like_parent
class Client(SyncClientCore, httpx2.Client):
    """`httpx2.Client`, with discovery, balancing, retries, deadlines, breakers and tracing.

    Takes every argument of httpx's, which mean the same, and `mesh`: the Mesh to use (default: the one of the process,
    built from file and environment when the first client is made; raises ConfigError when these are wrong). Closing the
    client closes its sockets and not the Mesh.
    """

    def __init__(self, *, mesh: Mesh | None = None, **kwargs: Unpack[ClientArguments[httpx2.BaseTransport]]) -> None:
        self._meshlib = sync_door(mesh, "httpx2")
        super().__init__(**kwargs)


@like_parent
class AsyncClient(AsyncClientCore, httpx2.AsyncClient):
    """`httpx2.AsyncClient`, with discovery, balancing, retries, deadlines, breakers and tracing.

    Arguments as for `Client`. Works on asyncio and trio.
    """

    def __init__(
        self, *, mesh: Mesh | None = None, **kwargs: Unpack[ClientArguments[httpx2.AsyncBaseTransport]]
    ) -> None:
        self._meshlib = async_door(mesh, "httpx2")
        super().__init__(**kwargs)


@like_parent
class HTTPTransport(SyncTransportCore, httpx2.HTTPTransport):
    """`httpx2.HTTPTransport` with the pipeline in it. See `meshlib.HTTPTransport`."""

    def __init__(self, *args: Any, mesh: Mesh | None = None, **kwargs: Unpack[TransportArguments]) -> None:
        super().__init__(*args, **kwargs)
        self._meshlib = sync_door(mesh, "httpx2")
        self._meshlib.put_wire(self)


@like_parent
class AsyncHTTPTransport(AsyncTransportCore, httpx2.AsyncHTTPTransport):
    """`httpx2.AsyncHTTPTransport` with the pipeline in it. See `meshlib.HTTPTransport`."""

    def __init__(self, *args: Any, mesh: Mesh | None = None, **kwargs: Unpack[TransportArguments]) -> None:
        super().__init__(*args, **kwargs)
        self._meshlib = async_door(mesh, "httpx2")
        self._meshlib.put_wire(self)
