"""What must never reach the wire, whatever protocol carries it.

HTTP/1 refuses control characters in headers by itself, HTTP/2 sends them on: CR and LF in a value become a second
request behind the next HTTP/1 hop. So both are checked here, before any transport.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from meshlib.errors import RequestRefused

if TYPE_CHECKING:
    from meshlib.call import Call

_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")  # RFC 9110, section 5.6.2: token
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")  # RFC 9110, section 5.5: field values hold none of these


def check_request(call: Call) -> None:
    """Raise RequestRefused, naming the field, for a header or port that cannot be sent. Values are not shown."""
    headers = call.request.headers.raw
    if _CONTROL.search(b"".join([value for _, value in headers])):
        bad = next(name for name, value in headers if _CONTROL.search(value))
        raise _refused(call, f"header {bad.decode('latin-1')!r} has a control character in its value")
    for name, _ in headers:
        if not _NAME.match(name):
            raise _refused(
                call, f"header name {name.decode('latin-1')!r} is not a token (letters, digits, !#$%&'*+-.^_`|~)"
            )
    port = call.request.url.port
    if port is not None and not 0 < port < 65536:
        raise _refused(call, f"port {port} of the URL is not in 1..65535")


def _refused(call: Call, message: str) -> Exception:
    return call.error(RequestRefused, message, "call")
