"""The two modules meshlib stands on: httpx and its continuation httpx2, whose classes are alike and unrelated.

Everything below the client classes takes a `Library` instead of importing one of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any


@dataclass(frozen=True, eq=False)
class Library:
    """One of the two modules, and the exception classes that `classify` asks for.

    Only concrete classes stand here: the real stack never raises a bare TimeoutException or TransportError, while mocks
    do when nothing matched, and those must not be retried.
    """

    hx: Any
    core: Any
    timeouts: tuple[type[Exception], ...]
    broken: tuple[type[Exception], ...]


def _library(hx: Any, core: Any) -> Library:
    return Library(
        hx=hx,
        core=core,
        timeouts=(hx.ConnectTimeout, hx.ReadTimeout, hx.WriteTimeout, hx.PoolTimeout),
        broken=(hx.ConnectError, hx.ReadError, hx.WriteError, hx.CloseError, hx.RemoteProtocolError),
    )


@cache
def httpx_library() -> Library:
    import httpcore
    import httpx

    return _library(httpx, httpcore)


@cache
def httpx2_library() -> Library:
    import httpcore2
    import httpx2

    return _library(httpx2, httpcore2)
