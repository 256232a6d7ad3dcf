"""Every private name of httpx that the lean `send()` relies on, beside those of `wire/private.py`.

The functions whose work it does stand in `originals.py`. Canaries: `tests/door/test_lean_private.py`. `readable` is the
check at run time: with a release of httpx whose objects look otherwise, httpx's own code sends everything.
"""

from __future__ import annotations

from contextlib import suppress
from http.cookiejar import CookieJar
from typing import Any

RESPONSE = {
    "status_code",
    "headers",
    "_request",
    "next_request",
    "extensions",
    "history",
    "is_closed",
    "is_stream_consumed",
    "default_encoding",
    "stream",
    "_num_bytes_downloaded",
}
"""What a response of httpx holds before it is read; then also `_content` and `_elapsed`."""

HEADERS = {"_list", "_encoding"}
ARGUMENTS = frozenset(("auth", "follow_redirects"))
"""Of `Client.send`, beside the request and `stream`."""


def readable(hx: Any) -> bool:
    """Whether responses and headers hold what is written into them here, and nothing else."""
    response = hx.Response(200, stream=hx.ByteStream(b""))
    return bool(vars(response).keys() == RESPONSE and vars(response.headers).keys() == HEADERS)


class Names:
    """The private names of one module, httpx or httpx2.

    `request_context` and `map_exceptions` are the context managers that turn an error of httpcore's into httpx's, with
    the request on it. `jars` are the classes of cookie jars whose behaviour is known.
    """

    __slots__ = ("_opened", "_quiet", "_states", "_unset", "client", "jars", "map_exceptions", "request_context")

    def __init__(self, hx: Any) -> None:
        self.client = hx._client
        self.jars = (CookieJar, type(hx.Cookies().jar))
        self.request_context = hx._exceptions.request_context
        self.map_exceptions = hx._transports.default.map_httpcore_exceptions
        self._unset = self.client.UseClientDefault
        self._opened = self.client.ClientState.OPENED
        self._states = (self.client.ClientState.UNOPENED, self._opened)
        self._quiet = (hx.RemoteProtocolError,) if hx.__name__ == "httpx2" else ()

    def is_plain(self, client: Any, given: dict[str, Any]) -> bool:
        """Whether the client is open, and neither it nor the arguments of `send` ask for auth or event hooks."""
        hooks = client._event_hooks
        return (
            client._state in self._states
            and client._auth is None
            and not hooks["request"]
            and not hooks["response"]
            and client.max_redirects >= 0
            and (not given or self._are_plain(given))
        )

    def _are_plain(self, given: dict[str, Any]) -> bool:
        auth = given.get("auth")
        return given.keys() <= ARGUMENTS and (auth is None or type(auth) is self._unset)

    def opens(self, client: Any) -> None:
        """A request opens its client."""
        client._state = self._opened

    def follows(self, client: Any, given: dict[str, Any]) -> bool:
        """Whether redirects shall be followed."""
        follow = given.get("follow_redirects", self._unset)
        return bool(client.follow_redirects if follow is self._unset or type(follow) is self._unset else follow)

    def with_timeout(self, client: Any, request: Any) -> None:
        """Give a request that was made by hand the client's timeouts."""
        if "timeout" not in request.extensions:
            client._set_timeout(request)

    def default_encoding(self, client: Any) -> Any:
        return client._default_encoding

    def put_next(self, client: Any, request: Any, response: Any) -> None:
        """Say on a redirect which request would follow it; one that cannot be made is an error in httpx only."""
        with suppress(*self._quiet):
            response.next_request = client._build_redirect_request(request, response)


def built(hx: Any, raw: list[tuple[bytes, bytes, bytes]], fields: dict[str, Any]) -> Any:
    """A response made of `fields`, all of `RESPONSE` but `headers`, past a constructor that costs three times as much.

    `raw` are its headers as (name, name in lower case, value).
    """
    headers = hx.Headers.__new__(hx.Headers)
    headers._list, headers._encoding = raw, None
    response = hx.Response.__new__(hx.Response)
    fields["headers"] = headers
    response.__dict__ = fields
    return response


def decoded(response: Any, body: bytes) -> bytes:
    """`body` freed of the response's content codings. Raises httpx's DecodingError.

    A decoder that was given anything, even nothing of a body, wants a whole one.
    """
    decoder = response._get_content_decoder()
    parts = [decoder.decode(body), decoder.flush()] if body else [decoder.flush()]
    return b"".join(part if isinstance(part, bytes) else b"".join(part) for part in parts)


def put_content(response: Any, content: bytes, downloaded: int) -> None:
    """Make it a response that has been read to its end and closed."""
    response._content = content
    response._num_bytes_downloaded = downloaded
    response.is_stream_consumed = response.is_closed = True
