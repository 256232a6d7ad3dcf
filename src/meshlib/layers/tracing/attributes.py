"""What an attempt is called in spans and metrics: OpenTelemetry's stable conventions for HTTP clients (1.23 and later).

https://opentelemetry.io/docs/specs/semconv/http/http-spans/ names and explains every attribute without `meshlib.`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshlib.layers.tracing.redact import redact

if TYPE_CHECKING:
    from meshlib.call import Attempt, Call
    from meshlib.endpoint import Address

Attributes = dict[str, str | int]

METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"})
"""Methods with a meaning of their own; every other one is `_OTHER`, so that the number of span names stays bounded."""

PORTS = {"http": 80, "https": 443}
VERSIONS = {b"HTTP/1.1": "1.1", b"HTTP/2": "2", b"HTTP/1.0": "1.0"}
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


def traced(request: Any, labels: Attributes) -> Attributes:
    """Of the request, what a span shows when it starts, so that samplers see it too: its `labels` and more."""
    found = {**labels, "url.full": redact(request.url)}
    if found["http.request.method"] == "_OTHER":
        found["http.request.method_original"] = request.method
    return found


def answered(response: Any) -> Attributes:
    """Of the response: status, protocol, and `error.type` where the status is one."""
    status = response.status_code
    version = response.extensions.get("http_version", b"HTTP/1.1")
    told = VERSIONS.get(version)
    if told is None:  # a mock may give anything
        text = version.decode("ascii", "replace") if isinstance(version, bytes) else str(version)
        told = text.removeprefix("HTTP/")
    found: Attributes = {"http.response.status_code": status, "network.protocol.version": told}
    if status >= ERROR_STATUS:
        found["error.type"] = str(status)
    return found


def error_type(exc: BaseException) -> str:
    """The class alone, without its module, as OpenTelemetry's own instrumentation has it."""
    return type(exc).__qualname__


def resends(call: Call) -> int:
    """How many attempts of this call, over retries, redirects and auth rounds, have gone to the wire so far."""
    return call.flow.journal.attempts_started


def routed(attempt: Attempt, resend_count: int, found: Attributes) -> Attributes:
    """`found`, and what only meshlib knows: service, endpoint, the address dialled, and which resend this is."""
    service, endpoint = attempt.call.service, attempt.endpoint
    if service is not None:
        found["meshlib.service"] = service
    if endpoint is not None:
        found["meshlib.endpoint"] = endpoint.name
    if resend_count:
        found["http.request.resend_count"] = resend_count
    peer: Any = attempt.peer
    if isinstance(peer, tuple):
        found["network.peer.address"], found["network.peer.port"] = str(peer[0]), int(peer[1])
    elif endpoint is not None:
        _planned_peer(attempt, endpoint.address, found)
    return found


def _planned_peer(attempt: Attempt, address: Address, found: Attributes) -> None:
    """The address of the endpoint, before there is a socket."""
    if address.uds is not None:
        found["network.peer.address"], found["network.transport"] = address.uds, "unix"
        return
    found["network.peer.address"] = address.host
    port = address.port or attempt.request.url.port or PORTS.get(attempt.request.url.scheme)
    if port is not None:
        found["network.peer.port"] = port
