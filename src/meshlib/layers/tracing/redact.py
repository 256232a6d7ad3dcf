"""`url.full` without secrets.

The semantic conventions demand that credentials, and the signatures of the large object stores, never stand in it; we
go by the words people use for secrets as well, since a span is read by more people than a request is.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_plus

REDACTED = "REDACTED"

_USERINFO = re.compile(r"^([^:/?#]+://)[^/?#]*@")
_PAIR = re.compile(r"(?<=[?&;#])([^?&;#=]+)=([^&;#]*(?:;[^&;#=]*(?=[&;#]|$))*)")  # a `;` without `=` is in the value
_SECRET = re.compile(
    r"token|secret|passw|signature|credential|authoriz|apikey|accesskey"
    r"|(?:^|[-_.\[])(?:sig|key|pwd|pass|auth|jwt|session|sid)(?:$|[-_.\]])|^code$"
)


def redact(url: Any) -> str:
    """The text of a URL of httpx, with `REDACTED` for user, password and the values of keys that name a secret."""
    text = str(url)
    if "@" in text:
        text = _USERINFO.sub(rf"\1{REDACTED}:{REDACTED}@", text)
    return _PAIR.sub(_redact_pair, text) if "=" in text else text


def _redact_pair(pair: re.Match[str]) -> str:
    return f"{pair[1]}={REDACTED}" if is_secret(pair[1]) else pair[0]


@lru_cache(1024)  # a service has few parameters, and their names come again with every request
def is_secret(key: str) -> bool:
    """Whether the name of a query parameter, as it stands in a URL, says that its value is a secret."""
    return _SECRET.search(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", unquote_plus(key)).lower()) is not None
