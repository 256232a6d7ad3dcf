"""What must never reach the wire, whatever protocol carries it.

HTTP/1 refuses control characters in headers by itself, HTTP/2 sends them on: CR and LF in a value become a second
request behind the next HTTP/1 hop. So all of it is checked here, before any transport.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from meshlib.errors import RequestRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meshlib.call import Call

_ALLOWED = "letters, digits, !#$%&'*+-.^_`|~"  # RFC 9110, section 5.6.2: token
_TOKEN = b"!#$%&'*+-.^_`|~0123456789" + bytes(range(65, 91)) + bytes(range(97, 123))
_VALUE = bytes(c for c in range(256) if c == 9 or (c >= 32 and c != 127))  # section 5.5: no control character but tab
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# What `translate` leaves after it has deleted these is wrong; three times faster than a regular expression.


def check_request(call: Call) -> None:
    """Raise RequestRefused, naming the field, for what cannot be sent. Values of headers are not shown."""
    request = call.request
    check_headers(call, call.raw_headers())
    if request.method not in _METHODS and not _is_token(request.method.encode("latin-1", "replace")):
        raise _refused(call, f"the method {request.method!r} is not a token ({_ALLOWED})")
    port = request.url.port
    if port is not None and not 0 < port < 65536:
        raise _refused(call, f"port {port} of the URL is not in 1..65535")
    target = request.extensions.get("target")
    if isinstance(target, bytes) and (target.translate(None, _VALUE) or b" " in target or b"\t" in target):
        raise _refused(call, "extensions['target'] has a control character or a space in it")


def check_headers(call: Call, headers: Sequence[tuple[bytes, bytes]]) -> None:
    """Raise RequestRefused for a name that is no token or a value with a control character."""
    if not headers:
        return
    names, values = zip(*headers, strict=True)
    if b"".join(values).translate(None, _VALUE):
        bad = next(name for name, value in headers if value.translate(None, _VALUE))
        raise _refused(call, f"header {bad.decode('latin-1')!r} has a control character in its value")
    if not _are_names(names):
        bad = next(name for name in names if not _is_token(name))
        raise _refused(call, f"header name {bad.decode('latin-1')!r} is not a token ({_ALLOWED})")


def check_added(call: Call, headers: dict[str, str]) -> None:
    """`check_headers` for what the mesh adds to an attempt: a few names, always the same, and mostly plain values."""
    for name, value in headers.items():
        if not (value.isascii() and value.isprintable() and _is_name(name)):
            check_headers(call, [(name.encode(), value.encode()) for name, value in headers.items()])
            return


@lru_cache(maxsize=1024)
def _are_names(names: tuple[bytes, ...]) -> bool:
    """A client's requests have the same few sets of names again and again."""
    return b"" not in names and not b"".join(names).translate(None, _TOKEN)


@lru_cache(maxsize=256)
def _is_name(name: str) -> bool:
    return _is_token(name.encode())


def _is_token(text: bytes) -> bool:
    return bool(text) and not text.translate(None, _TOKEN)


def _refused(call: Call, message: str) -> Exception:
    return call.error(RequestRefused, message, "call")
