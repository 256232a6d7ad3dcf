"""Blocking: layers are `async def`, and a coroutine that never suspends is a function.

Every wait below blocks the thread and completes without suspending, so `complete` runs a whole pipeline with one
`send(None)`: no event loop, no generated twin of the code, native tracebacks, about 0.1 µs for each layer.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Coroutine
from functools import partial
from inspect import CO_COROUTINE
from typing import TYPE_CHECKING, Any, TypeVar

from meshlib.errors import PipelineError
from meshlib.runtime.dice import dice

if TYPE_CHECKING:
    from meshlib.runtime.signal import Signal

T = TypeVar("T")


class SyncRuntime:
    """The runtime of `Client`."""

    def __init__(self) -> None:
        self.rng = dice
        self.now = time.monotonic
        self.wall_now = time.time

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    async def wait(self, signal: Signal, timeout: float | None) -> bool:
        woken: queue.SimpleQueue[None] = queue.SimpleQueue()  # unlike an Event it may be set by a finalizer meanwhile
        unsubscribe = signal.subscribe(partial(woken.put, None))
        try:
            woken.get(timeout=None if timeout is None else max(timeout, 0.0))
        except queue.Empty:
            return signal.is_set()
        finally:
            unsubscribe()
        return True

    async def read(self, response: Any) -> None:
        response.read()

    async def close(self, response: Any) -> None:
        response.close()


class Boxed(Exception):
    """Carries a StopIteration through coroutines, where it would become a RuntimeError (PEP 479)."""

    def __init__(self, stop: StopIteration) -> None:
        self.stop = stop


def complete(coro: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never suspends, and return what it returns.

    Raises PipelineError, naming the place, when a layer waits for something that only an event loop can finish.
    """
    try:
        awaited = coro.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    except Boxed as box:
        raise box.stop from None
    except RuntimeError as exc:
        place = _waited_without_loop(exc)
        if place is not None:
            raise PipelineError(f"{place} waits for an event loop, and this client has none; {_RULE}") from exc
        raise
    place = _suspended_at(coro)
    try:
        coro.close()
    except RuntimeError as exc:
        raise PipelineError(f"{place} awaited {awaited!r} and swallowed the cancellation; {_RULE}") from exc
    raise PipelineError(f"{place} awaited {awaited!r}; {_RULE}")


_RULE = "a layer waits only for inner and for call.runtime"
_WIRE = "meshlib.sending"  # the innermost coroutine of a chain; what is under it is httpx and no layer
_LOOPS = ("asyncio", "anyio", "trio", "sniffio", "outcome")
_NO_LOOP = (  # parts of what asyncio, anyio, trio and sniffio say
    "no running event loop",
    "not currently running",
    "must be called from async context",
    "unknown async library",
)


def _suspended_at(coro: Any) -> str:
    """The innermost `await` that is not the event loop's own: function, file and line of the layer that waited."""
    place = "a layer"
    while coro is not None and getattr(coro, "cr_frame", None) is not None:
        if not _of_a_loop(coro.cr_frame):
            place = _place(coro.cr_frame.f_code, coro.cr_frame.f_lineno)
        coro = coro.cr_await
    return place


def _waited_without_loop(exc: RuntimeError) -> str | None:
    """The line of the layer that asked for an event loop; None when that was something else, or below the layers.

    A transport of the user's that wants a loop raises what it raises in plain httpx.
    """
    if not any(text in str(exc).lower() for text in _NO_LOOP):
        return None
    place, wire, trace = None, False, exc.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_flags & CO_COROUTINE and not _of_a_loop(trace.tb_frame):
            place = _place(trace.tb_frame.f_code, trace.tb_lineno)
            wire = trace.tb_frame.f_globals.get("__name__") == _WIRE
        trace = trace.tb_next
    return None if place is None or wire else place


def _of_a_loop(frame: Any) -> bool:
    module: str = frame.f_globals.get("__name__", "")
    return module.partition(".")[0] in _LOOPS


def _place(code: Any, line: int) -> str:
    return f"{code.co_qualname} ({code.co_filename.rpartition('/')[2]}:{line})"
