"""What must never reach the wire, whatever protocol carries it.

HTTP/1 refuses control characters in headers by itself, HTTP/2 sends them on: CR and LF in a value become a second
request behind the next HTTP/1 hop. So all of it is checked here, before any transport.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from meshlib.errors import RequestRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meshlib.call import Call

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # RFC 9110, section 5.6.2
_NAMES = re.compile(rb"(?:" + _TOKEN + rb"\n)*\Z")
_NAME = re.compile(_TOKEN + rb"\Z")
_METHOD = re.compile(_TOKEN.decode() + r"\Z")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")  # RFC 9110, section 5.5: field values hold none of these
_ALLOWED = "letters, digits, !#$%&'*+-.^_`|~"


def check_request(call: Call) -> None:
    """Raise RequestRefused, naming the field, for what cannot be sent. Values of headers are not shown."""
    request = call.request
    check_headers(call, request.headers.raw)
    if not _METHOD.match(request.method):
        raise _refused(call, f"the method {request.method!r} is not a token ({_ALLOWED})")
    port = request.url.port
    if port is not None and not 0 < port < 65536:
        raise _refused(call, f"port {port} of the URL is not in 1..65535")
    target = request.extensions.get("target")
    if isinstance(target, bytes) and (_CONTROL.search(target) or b" " in target):
        raise _refused(call, "extensions['target'] has a control character or a space in it")


def check_headers(call: Call, headers: Sequence[tuple[bytes, bytes]]) -> None:
    """Raise RequestRefused for a name that is no token or a value with a control character."""
    if not headers:
        return
    names, values = zip(*headers, strict=True)
    if _CONTROL.search(b"".join(values)):
        bad = next(name for name, value in headers if _CONTROL.search(value))
        raise _refused(call, f"header {bad.decode('latin-1')!r} has a control character in its value")
    lines = b"".join([name + b"\n" for name in names])
    if lines.count(b"\n") != len(names) or not _NAMES.match(lines):
        bad = next(name for name in names if not _NAME.match(name))
        raise _refused(call, f"header name {bad.decode('latin-1')!r} is not a token ({_ALLOWED})")


def _refused(call: Call, message: str) -> Exception:
    return call.error(RequestRefused, message, "call")
