"""When the lean way is taken, and what it makes of an answer; the same for blocking and async clients."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from meshlib.checks import check_added, check_headers
from meshlib.lean.body import Arrived, bodies, elapsed
from meshlib.lean.originals import Originals, is_bound
from meshlib.lean.private import Names, built, decoded, put_content
from meshlib.wire.current import ATTEMPT
from meshlib.wire.outgoing import Outgoing
from meshlib.wire.private import mounts, own_transport, pool_of
from meshlib.wire.router import RouterCore

if TYPE_CHECKING:
    from meshlib.call import Attempt
    from meshlib.library import Library
    from meshlib.wire.answer import Answer

SCHEMES = ("http", "https")
"""For every other scheme httpx's own code finds the words."""


class Way:
    """The lean way of one client."""

    def __init__(self, library: Library, *, sync: bool) -> None:
        self.library = library
        self.sync = sync
        self.originals = Originals(library, sync=sync)
        self.names = Names(library.hx)
        self._stream = library.hx.SyncByteStream if sync else library.hx.AsyncByteStream
        self._open, self._read = bodies(library.hx, sync=sync)

    def transport(self, client: Any, request: Any, given: dict[str, Any]) -> Any:
        """The transport on which the request can go the lean way; None where httpx's own code shall send it.

        `given` are the arguments of `send`.
        """
        if not (self.names.is_plain(client, given) and self._is_plain(request) and self.originals.stand(client)):
            return None
        found = client._transport_for_url(request.url) if mounts(client) else own_transport(client)
        return found if self._is_wire(found) else None

    def holds(self, client: Any, transport: Any) -> bool:
        """Whether it can still be taken, for a later attempt: somebody may have patched or unwrapped something."""
        return self.originals.stand(client) and self._is_wire(transport)

    def _is_plain(self, request: Any) -> bool:
        url, extensions = request.url, request.extensions
        return (
            url.scheme in SCHEMES
            and not url.userinfo
            and ATTEMPT not in extensions
            and "trace" not in extensions
            and "target" not in extensions
            and isinstance(request.stream, self._stream)
        )

    def _is_wire(self, transport: Any) -> bool:
        """Whether it is httpx's own transport, with our router under it and nothing of anybody's round either."""
        if type(transport) is not self.originals.transport:
            return False
        pool, entry = pool_of(transport), self.originals.entry
        if not isinstance(pool, RouterCore) or entry in pool.__dict__:
            return False
        own = transport.__dict__.get(entry)
        return own is None or is_bound(own, transport, getattr(type(transport), entry))

    def outgoing(self, attempt: Attempt) -> Outgoing:
        """The attempt's request for the router. Raises RequestRefused for headers that must not be sent."""
        call, request = attempt.call, attempt.request
        url = request.url
        headers = request.headers.raw  # not the caller's as they were: the trace context of this attempt is in these
        if call.altered:
            check_headers(call, headers)
        if attempt.headers:
            check_added(call, attempt.headers)
        return Outgoing(
            request.method.encode("ascii"),
            url.raw_scheme,
            url.raw_host,
            url.port,
            url.raw_path,
            headers,
            request.stream,
            request.extensions,
        )

    def response(self, client: Any, attempt: Attempt, answer: Answer) -> Any:
        """httpx's response to it. It is read and closed, if the whole body is there and nobody streams it."""
        raw = [(name, name.lower(), value) for name, value in answer.headers]
        call, body, seen = attempt.call, answer.body, {name for _, name, _ in raw}
        fields = {
            "status_code": answer.status,
            "_request": attempt.request,
            "next_request": None,
            "extensions": answer.extensions,
            "history": [],
            "is_closed": False,
            "is_stream_consumed": False,
            "default_encoding": self.names.default_encoding(client),
            "stream": self._read,
            "_num_bytes_downloaded": 0,
        }
        response = built(self.library.hx, raw, fields)
        at_once = body is not None and not call.flow.stream and call.max_response_bytes is None
        if body is not None:
            attempt.release()
        if not at_once:
            source = answer.stream if body is None else Arrived(body)
            response.stream = self._open(source, response, attempt, self.names.map_exceptions)
        self._told(client, response, seen)
        if at_once and body is not None:
            put_content(response, self._content(response, body) if b"content-encoding" in seen else body, len(body))
            response.elapsed = elapsed(attempt)
        return response

    def _content(self, response: Any, body: bytes) -> bytes:
        with self.names.request_context(request=response.request):
            return decoded(response, body)

    def _told(self, client: Any, response: Any, seen: set[bytes]) -> None:
        """What httpx does with every response: keep its cookies, and write a line into the log."""
        cookies = client.cookies
        if b"set-cookie" in seen or b"set-cookie2" in seen or type(cookies.jar) not in self.names.jars:
            cookies.extract_cookies(response)
        log = self.names.client.logger
        if log.isEnabledFor(logging.INFO):
            log.info(
                'HTTP Request: %s %s "%s %d %s"',
                response.request.method,
                response.request.url,
                response.http_version,
                response.status_code,
                response.reason_phrase,
            )

    def in_httpx_words(self, exc: Exception, request: Any) -> None:
        """Raise `exc` as httpx would."""
        with self.names.request_context(request=request), self.names.map_exceptions():
            raise exc
