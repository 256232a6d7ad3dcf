"""The arguments of httpx's constructors, for type checkers and editors; `like_parent` shows them when a program runs.

Names and types are httpx's own, which also says what each means. A test compares the names with httpx.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypedDict, TypeVar

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Mapping

    from httpx import URL, Limits
    from httpx._types import (
        AuthTypes,
        CertTypes,
        CookieTypes,
        HeaderTypes,
        ProxyTypes,
        QueryParamTypes,
        TimeoutTypes,
    )

T = TypeVar("T")


class ClientArguments(TypedDict, Generic[T], total=False):
    """Of `httpx.Client` and `AsyncClient`; `T` is the kind of transport they take."""

    auth: AuthTypes | None
    params: QueryParamTypes | None
    headers: HeaderTypes | None
    cookies: CookieTypes | None
    verify: ssl.SSLContext | str | bool
    cert: CertTypes | None
    trust_env: bool
    http1: bool
    http2: bool
    proxy: ProxyTypes | None
    mounts: Mapping[str, T | None] | None
    timeout: TimeoutTypes
    follow_redirects: bool
    limits: Limits
    max_redirects: int
    event_hooks: Mapping[str, list[Callable[..., Any]]] | None
    base_url: URL | str
    transport: T | None
    default_encoding: str | Callable[[bytes], str]


class TransportArguments(TypedDict, total=False):
    """Of `httpx.HTTPTransport` and `AsyncHTTPTransport`."""

    verify: ssl.SSLContext | str | bool
    cert: CertTypes | None
    trust_env: bool
    http1: bool
    http2: bool
    limits: Limits
    proxy: ProxyTypes | None
    uds: str | None
    local_address: str | None
    retries: int
    socket_options: Iterable[Any] | None
