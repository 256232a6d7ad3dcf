"""What httpx's functions did when the lean `send()` was written to do the same.

A release that adds a step to one of them would find that step left out. So a function is told by the names that its
code uses (attributes, globals), which any new step changes; with one that is not known, httpx's own code sends
everything, and `tests/door/test_lean_private.py` fails, to say that it must be read again. The names do not depend on
the version of Python.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    from types import FunctionType

KNOWN: dict[str, tuple[int, ...]] = {  # httpx 0.28.1 and httpx2 2.16.2, where they differ
    "Client.send": (273051230,),
    "Client._send_handling_auth": (877239112,),
    "Client._send_handling_redirects": (979466619, 2662090296),
    "Client._send_single_request": (581675361,),
    "Client._transport_for_url": (3661390586,),
    "AsyncClient.send": (2755565549,),
    "AsyncClient._send_handling_auth": (1460424367,),
    "AsyncClient._send_handling_redirects": (4046627317, 1624791332),
    "AsyncClient._send_single_request": (2842825318,),
    "AsyncClient._transport_for_url": (3661390586,),
    "BaseClient._build_request_auth": (904851175,),
    "HTTPTransport.handle_request": (32504095, 1915620269),
    "AsyncHTTPTransport.handle_async_request": (2535578467, 701758808),
}
"""Fingerprints of the functions whose work is done here, by qualified name."""


def fingerprint(function: FunctionType) -> int:
    return crc32(" ".join(sorted(set(function.__code__.co_names))).encode())


def is_known(function: FunctionType) -> bool:
    """Whether a function of httpx does what is done here in its place, or nothing is."""
    known = KNOWN.get(function.__code__.co_qualname)
    return known is None or fingerprint(function) in known
