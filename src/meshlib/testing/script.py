"""A scripted inner: the test plays everything below one layer, and the test reads as the story of the call.

clock = VirtualRuntime()
start, inner = spawn(layer, clock)
call = start()                       # GET http://payment-service/
inner.expect().fail(httpx.ConnectError("refused"))
inner.expect_nothing()
clock.advance(0.1)
inner.expect().reply(200)
assert call.result().status_code == 200
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from meshlib.call import Attempt, Call, Flow
from meshlib.journal import Journal
from meshlib.layer import Layer
from meshlib.library import Library, httpx_library
from meshlib.runtime.signal import Signal
from meshlib.testing.virtual import Task, VirtualRuntime


class Pending:
    """Something the layer sent down and waits for: `what` is the Call or Attempt.

    When it is answered the layer goes on at once, without time passing.
    """

    def __init__(self, what: Any, clock: VirtualRuntime) -> None:
        self.what = what
        self._clock = clock
        self._answered = Signal()
        self._response: Any = None
        self._error: BaseException | None = None

    def reply(self, status: int, *, headers: dict[str, str] | None = None, content: bytes = b"") -> None:
        """Answer with a response."""
        library: Library = getattr(self.what, "call", self.what).library
        self._response = library.hx.Response(status, headers=headers, content=content, request=self.what.request)
        self._answer()

    def fail(self, error: BaseException) -> None:
        """Raise `error` in the layer."""
        self._error = error
        self._answer()

    def _answer(self) -> None:
        self._answered.set()
        self._clock.settle()

    async def wait(self) -> Any:
        await self._clock.wait(self._answered, None)
        if self._error is not None:
            raise self._error
        return self._response


class Inner:
    """The far side of a layer under test."""

    def __init__(self, clock: VirtualRuntime) -> None:
        self._clock = clock
        self._pending: deque[Pending] = deque()

    async def handle(self, what: Any) -> Any:
        pending = Pending(what, self._clock)
        self._pending.append(pending)
        return await pending.wait()

    def expect(self) -> Pending:
        """The next thing that was sent down; fails when nothing was."""
        self._clock.settle()
        assert self._pending, f"nothing was sent down by {self._clock.now():.3f} s"
        return self._pending.popleft()

    def expect_nothing(self) -> None:
        """Fails when something was sent down."""
        self._clock.settle()
        assert not self._pending, f"{len(self._pending)} were sent down"


def spawn(layer: Layer, clock: VirtualRuntime) -> tuple[Callable[..., Task[Any]], Inner]:
    """Put `layer` on a scripted inner.

    Returns `start(method="GET", url=..., attempt=False, deadline=None, **kw)`, which starts a call and gives its task
    (with `attempt=True` the layer is handed an Attempt, as below `retry`), and the inner.
    """
    inner = Inner(clock)

    def start(
        method: str = "GET",
        url: str = "http://payment-service/",
        *,
        attempt: bool = False,
        deadline: float | None = None,
        **kw: Any,
    ) -> Task[Any]:
        call = new_call(clock, method, url, deadline=deadline, **kw)
        what: Call | Attempt = call.new_attempt() if attempt else call
        task = clock.spawn(layer.handle(inner.handle, what))
        clock.settle()
        return task

    return start, inner


def new_call(
    clock: VirtualRuntime,
    method: str = "GET",
    url: str = "http://payment-service/",
    *,
    deadline: float | None = None,
    library: Library | None = None,
    transmit: Any = None,
    **kw: Any,
) -> Call:
    """A Call on the virtual runtime; `kw` goes to `httpx.Request`."""
    library = library or httpx_library()
    flow = Flow(Journal(clock.now()), deadline, stream=False)
    request = library.hx.Request(method, url, **kw)
    return Call(request, service="payment-service", flow=flow, runtime=clock, library=library, transmit=transmit)
