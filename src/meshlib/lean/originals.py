"""Whether httpx's own functions stand where httpx put them, so that the lean `send()` may do their work.

Mocks, tracers and agents put functions of theirs in the place of httpx's: on a class, on a client, on its transport;
and users override methods. What they put there must be called. So the functions are compared, by identity, for every
request; none of them is called. Only when one has changed it is judged again, and so also when it comes back.
"""

from __future__ import annotations

from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from meshlib.lean.known import is_known
from meshlib.lean.private import readable
from meshlib.mixins import AsyncClientCore, ClientCore, SyncClientCore

if TYPE_CHECKING:
    from meshlib.library import Library

Seen = tuple[Any, ...]

METHODS = (
    "_send_handling_auth",
    "_send_handling_redirects",
    "_send_single_request",
    "_transport_for_url",
    "_build_request_auth",
    "_set_timeout",
)
"""What a client may have of its own, in the place of what its class has."""


class Originals:
    """The functions of one kind of client: blocking or async, of httpx or httpx2."""

    def __init__(self, library: Library, *, sync: bool) -> None:
        hx, core = library.hx, library.core
        self.transport = hx.HTTPTransport if sync else hx.AsyncHTTPTransport
        self.entry = "handle_request" if sync else "handle_async_request"
        self._core = SyncClientCore if sync else AsyncClientCore
        self._wire = (
            vars(self.transport),
            vars(core.ConnectionPool if sync else core.AsyncConnectionPool),
            vars(core.HTTPConnection if sync else core.AsyncHTTPConnection),
        )
        self._places = _places(hx.__name__, core.__name__, "" if sync else "Async", self._core.__name__, self.entry)
        self._readable = readable(hx)
        self._seen: Seen = (None, None, False, *(None for _ in self._places))

    def stand(self, client: Any) -> bool:
        """Whether a request of this client may be sent without calling any of them."""
        kind, entry, wire = type(client), self.entry, self._wire
        known, below, stand, send, once, choose, auth, redirects, build, timeout, cookies, a, b, c, d, e = self._seen
        if not (
            kind is known
            and below.send is send
            and below._send_single_request is once
            and below._transport_for_url is choose
            and kind._send_handling_auth is auth
            and kind._send_handling_redirects is redirects
            and kind._build_request_auth is build
            and kind._set_timeout is timeout
            and kind.cookies is cookies
            and kind._send_single_request is a
            and kind._transport_for_url is b
            and wire[0][entry] is c
            and wire[1][entry] is d
            and wire[2][entry] is e
        ):
            stand = self._look(kind)
        own: dict[str, Any] = client.__dict__
        return stand and (own.keys().isdisjoint(METHODS) or _are_those_of_the_class(client, own))

    def _look(self, kind: Any) -> bool:
        """Judge what stands there now, and remember it."""
        below = _below(kind)
        if below is None:
            return False
        functions = (
            below.send,
            below._send_single_request,
            below._transport_for_url,
            kind._send_handling_auth,
            kind._send_handling_redirects,
            kind._build_request_auth,
            kind._set_timeout,
            kind.cookies,
            kind._send_single_request,
            kind._transport_for_url,
            *(methods[self.entry] for methods in self._wire),
        )
        stand = self._readable and all(map(_is_from, functions, self._places))
        self._seen = (kind, below, stand, *functions)  # in one step: other threads read it
        return stand


def _places(hx: str, core: str, prefix: str, ours: str, entry: str) -> list[tuple[str, str]]:
    """The package and the qualified name of each function, in the order of `Seen`."""
    client = f"{prefix}Client"
    return [
        (f"{hx}._client", f"{client}.send"),
        (f"{hx}._client", f"{client}._send_single_request"),
        (f"{hx}._client", f"{client}._transport_for_url"),
        (f"{hx}._client", f"{client}._send_handling_auth"),
        (f"{hx}._client", f"{client}._send_handling_redirects"),
        (f"{hx}._client", "BaseClient._build_request_auth"),
        (f"{hx}._client", "BaseClient._set_timeout"),
        (f"{hx}._client", "BaseClient.cookies"),
        ("meshlib.mixins", f"{ours}._send_single_request"),
        ("meshlib.mixins", "ClientCore._transport_for_url"),
        (f"{hx}._transports.default", f"{prefix}HTTPTransport.{entry}"),
        (core, f"{prefix}ConnectionPool.{entry}"),
        (core, f"{prefix}HTTPConnection.{entry}"),
    ]


def _below(kind: Any) -> Any:
    """What comes after us in a client's class, as `super()` has it; None where no single class stands for it.

    None too for a client that was unwrapped while its call runs.
    """
    order = kind.__mro__
    if ClientCore not in order:
        return None
    rest = order[order.index(ClientCore) + 1 :]
    return rest[0] if rest[0].__mro__ == rest else None


def _is_from(function: Any, place: tuple[str, str]) -> bool:
    """Whether it is the function written there, and does what is known of it.

    Proxies and `functools.wraps` lie about names; the type, the globals and the code do not.
    """
    if type(function) is property:
        function = function.fget
    if type(function) is not FunctionType:
        return False
    module: str = function.__globals__.get("__name__", "")
    written_there = (module + ".").startswith(place[0] + ".") and function.__code__.co_qualname == place[1]
    return written_there and is_known(function)


def _are_those_of_the_class(client: Any, own: dict[str, Any]) -> bool:
    """Undoing a patch of a client's method may leave the class's own method on the client, bound."""
    return all(is_bound(own[name], client, getattr(type(client), name)) for name in METHODS if name in own)


def is_bound(method: Any, owner: Any, function: Any) -> bool:
    """Whether `method` is nothing but `function`, bound to its owner."""
    return type(method) is MethodType and method.__self__ is owner and method.__func__ is function
