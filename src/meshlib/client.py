"""`Client` and `AsyncClient`: httpx's own classes, with the same arguments and behaviour, and the mesh behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from meshlib.arguments import like_parent
from meshlib.mixins import AsyncClientCore, SyncClientCore, async_door, sync_door

if TYPE_CHECKING:
    from typing import Unpack

    from meshlib.arguments.of_httpx import ClientArguments
    from meshlib.mesh import Mesh


@like_parent
class Client(SyncClientCore, httpx.Client):
    """`httpx.Client`, with discovery, balancing, retries, deadlines, breakers and tracing.

    Takes every argument of httpx's, which mean the same, and `mesh`: the Mesh to use (default: the one of the process,
    built from file and environment when the first client is made; raises ConfigError when these are wrong). Closing the
    client closes its sockets and not the Mesh.
    """

    def __init__(self, *, mesh: Mesh | None = None, **kwargs: Unpack[ClientArguments[httpx.BaseTransport]]) -> None:
        self._meshlib = sync_door(mesh, "httpx")
        super().__init__(**kwargs)


@like_parent
class AsyncClient(AsyncClientCore, httpx.AsyncClient):
    """`httpx.AsyncClient`, with discovery, balancing, retries, deadlines, breakers and tracing.

    Arguments as for `Client`. Works on asyncio and trio.
    """

    def __init__(
        self, *, mesh: Mesh | None = None, **kwargs: Unpack[ClientArguments[httpx.AsyncBaseTransport]]
    ) -> None:
        self._meshlib = async_door(mesh, "httpx")
        super().__init__(**kwargs)
