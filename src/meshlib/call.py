"""What travels down the pipeline: a `Call` once, and below `retry` an `Attempt` for each try.

A response ends in two moments. *Returned*: its headers have come; latency is measured here. *Released*: its body was
consumed or closed; in-flight counts, permits and spans end here, exactly once, on success, error, cancellation and
garbage collection. `Attempt.release` is that one place.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

from meshlib.body import Body
from meshlib.errors import MeshError, raised_as
from meshlib.events import Event, Listener, notify

if TYPE_CHECKING:
    from meshlib.endpoint import Endpoint, Permit
    from meshlib.journal import Journal
    from meshlib.layer import Response
    from meshlib.library import Library
    from meshlib.runtime.base import Runtime

IDEMPOTENT_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "QUERY"})
"""RFC 9110 section 9.2.2, and QUERY (RFC 10008)."""


class Flow:
    """What one `client.send()` shares over its hops: the deadline, the journal, whether the caller streams.

    `first` is the URL it was called with, and the service that this one means.
    """

    __slots__ = ("deadline", "first", "journal", "stream")

    def __init__(self, journal: Journal, deadline: float | None, stream: bool, first: Any = None) -> None:
        self.journal = journal
        self.first = first
        self.deadline = deadline
        self.stream = stream


class Call:
    """One request of the application, under auth and redirects.

    `request` is the caller's object; `headers` are what layers add, for every attempt while it is sent and no longer.
    `pinned` says whether the wire is ours, so that an endpoint can be chosen. `transmit` sends one attempt, without any
    layer. `tried` are the endpoints of earlier attempts, oldest first. `watch` is told of decisions only, `listeners`
    of each hop and attempt too. `mocked()` says whether a mocking tool owns the wire, `altered` whether layers of the
    user's may have changed the request since it was checked. For the wire: `transport` is httpx's transport for the URL
    (None in a simulation), `tls` the service's own TLS, `names` what resolves a host that no source knows,
    `max_connections` the cap of each endpoint's pool, and `max_response_bytes` that of a decoded body.
    """

    __slots__ = (
        "_body",
        "_headers",
        "_idempotent",
        "altered",
        "attempts",
        "deadline",
        "flow",
        "headers",
        "library",
        "listeners",
        "max_connections",
        "max_response_bytes",
        "mocked",
        "names",
        "pinned",
        "request",
        "runtime",
        "service",
        "tls",
        "transmit",
        "transport",
        "tried",
        "watch",
    )

    def __init__(
        self,
        request: Any,
        *,
        service: str | None,
        flow: Flow,
        runtime: Runtime,
        library: Library,
        transmit: Callable[[Attempt], Awaitable[Response]],
        pinned: bool = True,
        idempotent: bool | None = None,
        listeners: Sequence[Listener] = (),
        mocked: Callable[[], bool] = bool,
        transport: Any = None,
        tls: Any = None,
        names: Any = None,
        max_connections: int | None = None,
        max_response_bytes: int | None = None,
        altered: bool = False,
    ) -> None:
        self.request = request
        self.headers: dict[str, str] = {}
        self.service = service
        self.flow = flow
        self.deadline = flow.deadline
        self.runtime = runtime
        self.library = library
        self.transmit = transmit
        self.pinned = pinned
        self.listeners = listeners
        self.mocked = mocked
        self.transport = transport
        self.tls = tls
        self.names = names
        self.max_connections = max_connections
        self.max_response_bytes = max_response_bytes
        self.altered = altered
        self.attempts = 0
        self.tried: list[Endpoint] = []
        self.watch: Listener | None = None
        self._idempotent = idempotent
        self._headers: list[tuple[bytes, bytes]] | None = None
        self._body: Body | None = None

    @property
    def idempotent(self) -> bool:
        """Whether doing it twice does no harm: by method, by `idempotent=True`, or by an Idempotency-Key."""
        if self._idempotent is None:
            method = self.request.method
            self._idempotent = method in IDEMPOTENT_METHODS or "idempotency-key" in self.request.headers
        return self._idempotent

    @property
    def repeatable(self) -> bool:
        """Whether another attempt may follow one that was sent: idempotent and replayable."""
        idempotent = self.idempotent if self._idempotent is None else self._idempotent
        return idempotent and (self._body is None or self._body.replayable)

    @property
    def replayable(self) -> bool:
        """Whether the body can be sent once more."""
        return self._body is None or self._body.replayable  # None: a body of bytes, or none at all

    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """The caller's headers as they were before the first attempt; do not change the list."""
        if self._headers is None:
            self._headers = self.request.headers.raw
        return self._headers

    def keep_body(self, limit: int | None) -> None:
        """Prepare for further attempts: the headers, and up to `limit` bytes of a body that is read only once.

        With None the body is left alone, for an attempt that follows only where nothing of it was read.
        """
        if self.altered or self._headers is None:
            self._headers = self.request.headers.raw
        if limit is not None and not isinstance(self.request.stream, self.library.hx.ByteStream):
            self._body = Body.of(self.request, self.library, limit)

    def carries(self, name: bytes) -> bool:
        """Whether the caller's request has this header, `name` in lower case; httpx's own look-up costs thrice this."""
        size = len(name)
        for key, _ in self._headers or self.raw_headers():  # noqa: SIM110 - a generator costs as much again
            if len(key) == size and key.lower() == name:
                return True
        return False

    def new_attempt(self, left: int = 0) -> Attempt:
        """The next attempt; `left` is how many more the maker may start after it if it times out.

        The first one sends the caller's own request object, so that what instrumentation puts into its headers is seen
        in `response.request`. Later ones are made anew, from the headers as they were before the first.
        """
        self.attempts += 1
        if self.attempts == 1:
            return Attempt(self, 1, self.request, left)
        stream = self.request.stream if self._body is None else self._body.again()
        again = copied(self.request, self.library, self._headers, stream, dict(self.request.extensions))
        return Attempt(self, self.attempts, again, left)

    def emit(self, event: Event) -> None:
        """Write `event` into the journal and tell the listeners."""
        self.flow.journal.entries.append(event)
        if self.listeners:
            notify(self.listeners, event)
        if self.watch is not None:
            notify((self.watch,), event)

    def note(self, make: Callable[..., Event], *values: Any) -> None:
        """`emit(make(*values))` for what every call does, and `watch` does not want: made when somebody reads it."""
        if self.listeners:
            event = make(*values)
            self.flow.journal.entries.append(event)
            notify(self.listeners, event)
        else:
            self.flow.journal.entries.append((make, values))

    def error(self, kind: type[MeshError], message: str, layer: str) -> MeshError:
        """An error of `kind` that is also one of the client's module, with everything a reader needs on it."""
        exc = raised_as(cast("Any", kind), self.library.hx)(message)
        exc.layer, exc.service, exc.journal = layer, self.service, self.flow.journal
        return exc


def copied(
    request: Any, library: Library, headers: list[tuple[bytes, bytes]] | None, stream: Any, extensions: dict[str, Any]
) -> Any:
    """A new request object that sends the same with other headers and extensions."""
    copy = library.hx.Request(request.method, request.url, headers=headers, stream=stream, extensions=extensions)
    if hasattr(request, "_content"):
        copy.read()  # a transport that takes `.content` (aiohttp's) would else send it chunked
    return copy


class Attempt:
    """One try of a call, sent to one endpoint.

    `deadline` is the point in time which the wire enforces (None: httpx's own timeouts only); when the headers have
    come it becomes `body_deadline`. `busy` is its endpoint's list in which it is counted. `sent` is `nothing` while our
    wire waits, dials and shakes hands, `part` from just before the first byte, and `all` where nobody can know.
    `headers` are put on the request for the time it is sent. `decorate` is called by our wire under whatever span
    somebody else made. `started` and `returned` are set by the pipeline's end.
    """

    __slots__ = (
        "_on_release",
        "body_deadline",
        "busy",
        "call",
        "deadline",
        "decorate",
        "endpoint",
        "headers",
        "left",
        "number",
        "peer",
        "permit",
        "request",
        "returned",
        "reused",
        "runtime",
        "sent",
        "short",
        "started",
    )

    def __init__(self, call: Call, number: int, request: Any, left: int) -> None:
        self.call = call
        self.runtime = call.runtime
        self.number = number
        self.request = request
        self.left = left
        self.deadline = call.deadline
        self.body_deadline = call.deadline
        self.decorate: Callable[[Attempt], None] | None = None
        self.short = False
        self.sent = "all"
        self.endpoint: Endpoint | None = None
        self.busy: list[None]  # set with the endpoint
        self.permit: Permit | None = None
        self.headers = call.headers.copy()
        self.peer: tuple[str, int] | None = None
        self.reused = False
        self.started: float | None = None
        self.returned: float | None = None
        self._on_release: list[Callable[[Attempt, BaseException | None], None]] = []

    def on_release(self, done: Callable[[Attempt, BaseException | None], None]) -> None:
        """Call `done(attempt, error)` once, when the attempt is over; `error` is what broke it, in the body too."""
        self._on_release.append(done)

    def release(self, error: BaseException | None = None) -> None:
        """The attempt is over; every later call does nothing. Last registered runs first."""
        while self._on_release:
            try:
                done = self._on_release.pop()
            except IndexError:  # another thread released at the same moment
                return
            done(self, error)
