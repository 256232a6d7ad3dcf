"""One hop of a flow: its request on the way into the pipeline, and what the caller gets at the end.

A redirect and each round of an auth flow is a hop, and a call, of its own; all of them stand in one journal.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from meshlib.call import copied
from meshlib.checks import check_request
from meshlib.events import HopStarted
from meshlib.journal import EXTENSION
from meshlib.runtime.fork import forget
from meshlib.runtime.sync import complete
from meshlib.sending import on_request
from meshlib.wire.current import ATTEMPT
from meshlib.wire.private import mocker_of

if TYPE_CHECKING:
    from meshlib.call import Call, Flow
    from meshlib.library import Library
    from meshlib.service import ServiceState

current_flow: ContextVar[Flow | None] = ContextVar("meshlib.flow", default=None)
"""The `client.send()` that is running: its hops, redirects and the requests of an auth flow share it."""

forget(current_flow)


def is_attempt(request: Any) -> bool:
    """Whether a request is an attempt of ours on its way down, in this very context.

    One that is sent at this moment by another task or thread (applications reuse a Request object) is a new call here.
    """
    attempt = request.extensions.get(ATTEMPT)
    return attempt is not None and attempt.call.flow is current_flow.get()


def apart(request: Any, library: Library) -> Any:
    """`request`, or a copy of it if another task is sending it now and has its attempt and mesh headers in it."""
    attempt = request.extensions.get(ATTEMPT)
    if attempt is None:
        return request
    put = {name.lower() for name in attempt.headers} if on_request(attempt.call) else set()
    headers = [(name, value) for name, value in request.headers.raw if name.decode().lower() not in put]
    extensions = {key: value for key, value in request.extensions.items() if key != ATTEMPT}
    return copied(request, library, headers, request.stream, extensions)


def run(call: Call, request: Any, service: ServiceState) -> Any:
    """Send one hop's `request` through the pipeline, blocking."""
    try:
        begin(call)
        return finished(call, request, complete(service.handle(call)))
    except Exception as exc:
        failed(call, request, exc)
        raise


async def arun(call: Call, request: Any, service: ServiceState) -> Any:
    """`run`, for asyncio and trio."""
    try:
        begin(call)
        return finished(call, request, await service.handle(call))
    except Exception as exc:
        failed(call, request, exc)
        raise


def begin(call: Call) -> None:
    """The first line of the journal, and the refusal of what must not be sent."""
    request = call.request
    call.note(_hop_started, call.runtime.now(), request.method, request.url, call.service)
    check_request(call)


def _hop_started(at: float, method: str, url: Any, service: str | None) -> HopStarted:
    return HopStarted(at, method, told(url), service)


def told(url: Any) -> str:
    """A URL for people: without user, password and query, which may hold secrets."""
    path: bytes = url.raw_path.partition(b"?")[0]
    return f"{url.scheme}://{url.netloc.decode()}{path.decode()}"


def is_mocked(library: Library) -> bool:
    """Whether a mocking tool owns the wire at the moment."""
    return mocker_of(library) is not None


def finished(call: Call, request: Any, response: Any) -> Any:
    """What the caller gets: his own request object, and the journal."""
    response.request = request
    response.extensions = {**response.extensions, EXTENSION: call.flow.journal}
    return response


def failed(call: Call, request: Any, exc: Exception) -> None:
    """Put the caller's request and the journal on an error that leaves the pipeline."""
    if isinstance(exc, call.library.hx.RequestError):
        exc.request = request
    try:
        exc.journal = call.flow.journal  # type: ignore[attr-defined]
    except AttributeError:  # an error of the application's that takes no attributes
        pass
