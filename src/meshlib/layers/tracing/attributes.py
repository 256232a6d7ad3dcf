"""What an attempt is called in spans and metrics: OpenTelemetry's stable conventions for HTTP clients (1.23 and later).

https://opentelemetry.io/docs/specs/semconv/http/http-spans/ names and explains every attribute without `meshlib.`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshlib.events import AttemptStarted
from meshlib.layers.tracing.redact import redact

if TYPE_CHECKING:
    from meshlib.call import Attempt, Call

Attributes = dict[str, str | int]

METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"})
"""Methods with a meaning of their own; every other one is `_OTHER`, so that the number of span names stays bounded."""

PORTS = {"http": 80, "https": 443}
ERROR_STATUS = 400  # a client's span failed from here on


def span_name(method: str) -> str:
    return method if method in METHODS else "HTTP"


def measured(request: Any) -> Attributes:
    """Of the request, what is bounded enough for a metric: method and the host and port of the URL."""
    method, url = request.method, request.url
    found: Attributes = {
        "http.request.method": method if method in METHODS else "_OTHER",
        "server.address": url.host,
    }
    port = url.port or PORTS.get(url.scheme)
    if port is not None:
        found["server.port"] = port
    return found


def traced(request: Any) -> Attributes:
    """Of the request, what a span shows when it starts, so that samplers see it too."""
    found = measured(request)
    found["url.full"] = redact(request.url)
    if found["http.request.method"] == "_OTHER":
        found["http.request.method_original"] = request.method
    return found


def answered(response: Any) -> Attributes:
    """Of the response: status, protocol, and `error.type` where the status is one."""
    status = response.status_code
    version = response.extensions.get("http_version", b"HTTP/1.1")
    text = version.decode("ascii", "replace") if isinstance(version, bytes) else str(version)  # a mock may give either
    found: Attributes = {"http.response.status_code": status, "network.protocol.version": text.removeprefix("HTTP/")}
    if status >= ERROR_STATUS:
        found["error.type"] = str(status)
    return found


def error_type(exc: BaseException) -> str:
    """The class alone, without its module, as OpenTelemetry's own instrumentation has it."""
    return type(exc).__qualname__


def resends(call: Call) -> int:
    """How many attempts of this call, over retries, redirects and auth rounds, have gone to the wire so far."""
    return sum(isinstance(event, AttemptStarted) for event in call.flow.journal.events)


def routed(attempt: Attempt, resend_count: int) -> Attributes:
    """What only meshlib knows: the service, the endpoint, the address dialled, and which resend this is."""
    found: Attributes = {}
    if attempt.call.service is not None:
        found["meshlib.service"] = attempt.call.service
    if attempt.endpoint is not None:
        found["meshlib.endpoint"] = attempt.endpoint.name
    if resend_count:
        found["http.request.resend_count"] = resend_count
    found.update(_peer(attempt))
    return found


def _peer(attempt: Attempt) -> Attributes:
    """The address of the socket in use; before there is one, that of the endpoint."""
    peer: Any = attempt.peer
    if isinstance(peer, tuple):
        return {"network.peer.address": str(peer[0]), "network.peer.port": int(peer[1])}
    if attempt.endpoint is None:
        return {}
    address = attempt.endpoint.address
    if address.uds is not None:
        return {"network.peer.address": address.uds, "network.transport": "unix"}
    found: Attributes = {"network.peer.address": address.host}
    port = address.port or attempt.request.url.port or PORTS.get(attempt.request.url.scheme)
    if port is not None:
        found["network.peer.port"] = port
    return found
