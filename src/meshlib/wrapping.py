"""`wrap(client)` and `unwrap(client)`: put a live client of httpx or httpx2 on a mesh, in place, and take it off again.

The object stays the same one, and so do its transports: its class becomes a subclass made for it, and the pool of each
transport that is httpx's own becomes our router. Requests in flight finish on the pool they began on.
"""

from __future__ import annotations

import types
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

from meshlib.mixins import AsyncClientCore, ClientCore, SyncClientCore, async_door, sync_door
from meshlib.wire import unroute
from meshlib.wire.private import is_closed, is_proxy, mounts, own_transport

if TYPE_CHECKING:
    from meshlib.mesh import Mesh

C = TypeVar("C")


def wrap(client: C, *, mesh: Mesh | None = None) -> C:
    """Put a live client on `mesh` (default: the one of the process), in place, and return it.

    A client that is wrapped already is returned as it is. A proxy transport of httpx's own class counts as made by
    httpx itself. Raises TypeError for anything but a client of httpx or httpx2, ValueError for one that is on another
    mesh, and RuntimeError for a closed one.
    """
    if isinstance(client, ClientCore):
        _check_mesh(client, mesh)
        return client
    module, sync = _kind(client)
    if is_closed(client):
        raise RuntimeError("a closed client cannot be wrapped")
    door = sync_door(mesh, module) if sync else async_door(mesh, module)
    client.__dict__["_meshlib"] = door
    for transport in _transports(client):
        if not door.put_wire(transport) and is_proxy(transport, door.library):
            door.proxies[id(transport)] = transport
    _become(client, _shadow(cast("Any", type(client)), SyncClientCore if sync else AsyncClientCore))
    return client


def unwrap(client: C) -> C:
    """Undo `wrap`, and return the client. One that was never wrapped is returned as it is.

    Streams in flight go on to their end. So do calls, but an attempt that begins after this is plain httpx's.
    """
    if isinstance(client, Shadow):
        _become(client, type(client)._meshlib_original)
        for transport in _transports(client):
            unroute(transport)
        del client.__dict__["_meshlib"]
    return client


def _check_mesh(client: Any, mesh: Mesh | None) -> None:
    if mesh is not None and mesh is not client._meshlib.mesh:
        raise ValueError("the client is on another mesh: unwrap() it, or give it this mesh when it is made")


def _become(client: Any, kind: type) -> None:
    """Change the class of a live object, past a `__setattr__` of the user's."""
    object.__setattr__(client, "__class__", kind)


class Shadow:
    """Base of the classes that `wrap` makes. Shields the user's `__init_subclass__`, which may want arguments."""

    _meshlib_original: type

    def __init_subclass__(cls, **kwargs: object) -> None:
        pass


@cache
def _shadow(original: Any, door: type) -> Any:
    namespace = {
        "_meshlib_original": original,
        "__module__": original.__module__,
        "__qualname__": original.__qualname__,
    }
    return types.new_class(original.__name__, (Shadow, door, original), exec_body=lambda body: body.update(namespace))


def _kind(client: Any) -> tuple[str, bool]:
    """Which module a client belongs to, and whether it blocks."""
    for base in type(client).__mro__:
        package = base.__module__.partition(".")[0]
        if package in ("httpx", "httpx2") and base.__name__ in ("Client", "AsyncClient"):
            return package, base.__name__ == "Client"
    raise TypeError(f"wrap() takes a Client or AsyncClient of httpx or httpx2, not {type(client).__name__}")


def _transports(client: Any) -> list[Any]:
    """The client's own transport and its mounts, each once."""
    found = [own_transport(client), *mounts(client).values()]
    return list({id(transport): transport for transport in found if transport is not None}.values())
