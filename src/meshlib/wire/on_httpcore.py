"""The wire's classes on httpcore. Class statements only: what they do stands in router, backend and stream."""

from __future__ import annotations

import httpcore as httpcore
import httpx

from meshlib.wire.aio import AioStreamCore
from meshlib.wire.aiodial import AioBackendCore
from meshlib.wire.backend import AsyncBackendCore, SyncBackendCore
from meshlib.wire.kind import AsyncKind, SyncKind
from meshlib.wire.router import AsyncRouterCore, SyncRouterCore
from meshlib.wire.sock import SockStreamCore
from meshlib.wire.sockdial import SockBackendCore
from meshlib.wire.stream import AsyncStreamCore, SyncStreamCore


class Stream(SyncStreamCore, httpcore.NetworkStream):
    """A socket that knows for which attempt it works."""


class AsyncStream(AsyncStreamCore, httpcore.AsyncNetworkStream):
    """A socket that knows for which attempt it works."""


class AioStream(AioStreamCore, httpcore.AsyncNetworkStream):
    """Our own socket on asyncio."""

    core = httpcore


class AioBackend(AioBackendCore, httpcore.AsyncNetworkBackend):
    """Dials with asyncio."""

    stream, core = AioStream, httpcore


class SockStream(SockStreamCore, httpcore.NetworkStream):
    """Our own socket without an event loop."""

    core = httpcore


class SockBackend(SockBackendCore, httpcore.NetworkBackend):
    """Dials without an event loop."""

    stream, core = SockStream, httpcore


class Backend(SyncBackendCore, httpcore.NetworkBackend):
    """Dials the endpoint of the attempt."""

    stream, own, core = Stream, SockBackend, httpcore


class AsyncBackend(AsyncBackendCore, httpcore.AsyncNetworkBackend):
    """Dials the endpoint of the attempt."""

    stream, own, core = AsyncStream, AioBackend, httpcore


class Router(SyncRouterCore, httpcore.ConnectionPool):
    """The pool of a sync client."""

    core, backend, pool = httpcore, Backend, httpcore.ConnectionPool
    kind = SyncKind(httpcore, httpx.ByteStream)


class AsyncRouter(AsyncRouterCore, httpcore.AsyncConnectionPool):
    """The pool of an async client."""

    core, backend, pool = httpcore, AsyncBackend, httpcore.AsyncConnectionPool
    kind = AsyncKind(httpcore, httpx.ByteStream)
