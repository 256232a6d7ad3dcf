"""What running something costs, in numbers that a busy machine does not change."""

from __future__ import annotations

import asyncio
import gc
import select
import socket
import sys
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

LOCKS = (type(threading.Lock()), type(threading.RLock()))
CALLS_OF_SOCKETS = ("send", "recv", "recv_into", "sendmsg", "connect", "connect_ex", "setsockopt")


class Calls:
    """`python`: functions of Python that were entered, by file and name (a coroutine that is resumed is entered again).

    `locks`: how often a lock was let go of, which every `with lock:` ends with.
    """

    def __init__(self) -> None:
        self.python: Counter[str] = Counter()
        self.locks = 0

    def within(self, folder: str) -> int:
        """How many of them are of files in `folder`, `meshlib/layers/` say."""
        return sum(count for name, count in self.python.items() if folder in name)

    def __str__(self) -> str:
        rows = "\n".join(f"{count:6} {name}" for name, count in self.python.most_common())
        return f"{self.python.total()} functions entered, {self.locks} locks:\n{rows}"


@contextmanager
def calls() -> Iterator[Calls]:
    """Count what this thread calls."""
    found = Calls()

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            code = frame.f_code
            found.python[f"{_short(code.co_filename)} {code.co_qualname}"] += 1
        elif event == "c_call" and argument.__name__ in ("__exit__", "release"):
            found.locks += isinstance(argument.__self__, LOCKS)

    sys.setprofile(profile)
    try:
        yield found
    finally:
        sys.setprofile(None)
        for name in [name for name in found.python if name.startswith(_OWN)]:
            del found.python[name]


_OWN = (f"{__name__.replace('.', '/')}.py", "contextlib.py _GeneratorContextManager.__exit__")


def _short(file: str) -> str:
    for folder in ("site-packages/", "/src/", "/lib/python"):
        file = file.rpartition(folder)[2]
    return file


def blocks_held(run: Callable[[], Any], times: int = 50) -> float:
    """Blocks of memory that stay in use for each result of `run` that somebody keeps."""
    kept = [None] * times

    def fill() -> None:
        for index in range(times):
            kept[index] = run()

    return _grown(lambda: kept.__setitem__(slice(None), [None] * times), fill) / times


def blocks_lost(run: Callable[[], Any], times: int = 200) -> float:
    """Blocks of memory that stay in use for each `run` whose result nobody keeps, without the garbage collector."""

    def repeat() -> None:
        for _ in range(times):
            run()

    return _grown(lambda: None, repeat) / times


def _grown(reset: Callable[[], object], run: Callable[[], None]) -> int:
    """Once before, so that the interpreter's lists of free objects are filled, which a collection empties."""
    gc.collect()
    gc.disable()
    try:
        run()
        reset()
        before = sys.getallocatedblocks()
        run()
        return sys.getallocatedblocks() - before
    finally:
        gc.enable()


class Suspensions:
    """Awaits `coro`; `count` is how often its top yielded to the event loop."""

    def __init__(self, coro: Awaitable[Any]) -> None:
        self.count = 0
        self._coro = coro

    def __await__(self) -> Iterator[Any]:
        steps = self._coro.__await__()
        answer: Any = None
        while True:
            try:
                waited_for = steps.send(answer)
            except StopIteration as stop:
                return stop.value
            self.count += 1
            answer = yield waited_for


@contextmanager
def system_calls(patch: Any) -> Iterator[Counter[str]]:
    """Count this thread's operations on sockets and looks at them, by name. `patch` is pytest's monkeypatch.

    Poll objects are counted if they are made inside, so connections have to be opened inside.
    """
    seen: Counter[str] = Counter()
    make, own = select.poll, threading.get_ident()

    class Poll:
        def __init__(self) -> None:
            self._poll = make()
            self.register, self.unregister = self._poll.register, self._poll.unregister

        def poll(self, *args: Any) -> Any:
            seen["poll"] += threading.get_ident() == own
            return self._poll.poll(*args)

    with patch.context() as patch:
        for name in CALLS_OF_SOCKETS:
            _counted(patch, socket.socket, name, seen)
        patch.setattr(select, "poll", Poll)
        yield seen


@contextmanager
def timers(patch: Any) -> Iterator[Counter[str]]:
    """Count the timers, callbacks and looks for events of the running asyncio loop."""
    seen: Counter[str] = Counter()
    loop: Any = asyncio.get_running_loop()
    with patch.context() as patch:
        for name in ("call_later", "call_at", "create_task"):
            _counted(patch, loop, name, seen)
        _counted(patch, loop._selector, "select", seen)
        yield seen


def _counted(patch: Any, owner: Any, name: str, seen: Counter[str]) -> None:
    """Count how often this thread calls `owner.name`."""
    plain, own = getattr(owner, name), threading.get_ident()

    def count(*args: Any, **kw: Any) -> Any:
        seen[name] += threading.get_ident() == own
        return plain(*args, **kw)

    patch.setattr(owner, name, count)
