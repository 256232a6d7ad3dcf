"""What the public classes on httpx and httpx2 share: each method of httpx that meshlib overrides, and nothing else.

Every one hands over to the door, which is imported when the first client is made: `import meshlib` stays cheap. What
comes after us in the class is looked up before a call begins, since a client may be unwrapped while the call runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from meshlib.door import AsyncDoor, SyncDoor


class ClientCore:
    """Where a client's transports are made and chosen."""

    _meshlib: SyncDoor | AsyncDoor

    def _transport_for_url(self, url: Any) -> Any:
        return self._meshlib.chosen(self, super()._transport_for_url(url), url)  # type: ignore[misc]

    def _init_transport(self, *args: Any, **kwargs: Any) -> Any:
        return self._meshlib.made(super()._init_transport(*args, **kwargs), kwargs)  # type: ignore[misc]

    def _init_proxy_transport(self, *args: Any, **kwargs: Any) -> Any:
        return self._meshlib.made_proxy(super()._init_proxy_transport(*args, **kwargs))  # type: ignore[misc]


class SyncClientCore(ClientCore):
    """Mixed in above `httpx.Client` or `httpx2.Client`."""

    _meshlib: SyncDoor

    def send(self, request: Any, *, stream: bool = False, **kwargs: Any) -> Any:
        """Send a request, as `httpx.Client.send` does; its hops share one deadline and one journal."""
        return self._meshlib.send(self, super().send, request, stream, kwargs)  # type: ignore[misc]

    def warm(self, url: Any, *, connections: int = 1) -> int:
        """Have idle connections to each endpoint that `url` means, before the first request needs one.

        Returns how many there are; an endpoint that cannot be reached is left out. Raises httpx's ConnectError or
        ConnectTimeout where none can, and ValueError where requests go through a proxy or a transport of yours. 0 while
        meshlib is switched off.
        """
        return self._meshlib.warm(self, url, connections)

    def close(self, grace: float = 0.0) -> None:
        """Close the client, as `httpx.Client.close` does.

        With `grace` seconds, requests under way may end within that time first, while new ones are refused. Raises
        ValueError, and closes nothing, where `grace` is no such number.
        """
        if grace != 0:
            self._meshlib.wind_down(self, grace)
        super().close()  # type: ignore[misc]

    def _send_single_request(self, request: Any) -> Any:
        return self._meshlib.hop(super()._send_single_request, self._transport_for_url, request)  # type: ignore[misc]


class AsyncClientCore(ClientCore):
    """Mixed in above `httpx.AsyncClient` or `httpx2.AsyncClient`."""

    _meshlib: AsyncDoor

    async def send(self, request: Any, *, stream: bool = False, **kwargs: Any) -> Any:
        """Send a request, as `httpx.AsyncClient.send` does; its hops share one deadline and one journal."""
        return await self._meshlib.send(self, super().send, request, stream, kwargs)  # type: ignore[misc]

    async def warm(self, url: Any, *, connections: int = 1) -> int:
        """See `Client.warm`."""
        return await self._meshlib.warm(self, url, connections)

    async def aclose(self, grace: float = 0.0) -> None:
        """Close the client, as `httpx.AsyncClient.aclose` does; `grace` as in `Client.close`."""
        if grace != 0:
            await self._meshlib.wind_down(self, grace)
        await super().aclose()  # type: ignore[misc]

    async def _send_single_request(self, request: Any) -> Any:
        once = super()._send_single_request  # type: ignore[misc]
        return await self._meshlib.hop(once, self._transport_for_url, request)


class SyncTransportCore:
    """Mixed in above `httpx.HTTPTransport` or `httpx2.HTTPTransport`."""

    _meshlib: SyncDoor

    def handle_request(self, request: Any) -> Any:
        return self._meshlib.handle(self, super(), request)


class AsyncTransportCore:
    """Mixed in above `httpx.AsyncHTTPTransport` or `httpx2.AsyncHTTPTransport`."""

    _meshlib: AsyncDoor

    async def handle_async_request(self, request: Any) -> Any:
        return await self._meshlib.handle(self, super(), request)


def sync_door(mesh: Any, module: str) -> SyncDoor:
    """The door of a blocking client of `module`, "httpx" or "httpx2"; without a mesh, to the one of the process."""
    from meshlib.door import SyncDoor

    return SyncDoor(mesh, module)


def async_door(mesh: Any, module: str) -> AsyncDoor:
    """The door of an async client. See `sync_door`."""
    from meshlib.door import AsyncDoor

    return AsyncDoor(mesh, module)
