"""Blocking look-ups, in a few daemon threads of ours.

The executor of an event loop will not do: the interpreter joins its threads at exit, and a look-up that hangs would
hang the exit with it. Callers who ask for what is being looked up already share the one look-up.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

from meshlib.runtime.signal import Signal

T = TypeVar("T")
LIMIT = 32  # threads; a look-up that hangs holds one
IDLE = 10.0  # seconds after which a thread without work ends


class Job(Generic[T]):
    """A look-up under way; `done` is set when `result` can be called."""

    def __init__(self, key: Hashable, work: Callable[[], T]) -> None:
        self.key = key
        self.done = Signal()
        self._work = work
        self._value: T
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._value = self._work()
        except BaseException as exc:  # noqa: BLE001 - handed to whoever waits
            self._error = exc

    def result(self) -> T:
        """What the work returned; raises what it raised."""
        if self._error is not None:
            raise self._error
        return self._value


class Workers:
    """At most LIMIT daemon threads, started when there is work for them."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew in a forked child, which has none of the threads."""
        self._changed = threading.Condition()
        self._queue: deque[Job[Any]] = deque()
        self._pending: dict[Hashable, Job[Any]] = {}
        self._threads = self._idle = 0

    def submit(self, key: Hashable, work: Callable[[], T]) -> Job[T]:
        """Have `work` done, or join the job of the same key that is under way.

        Where no thread at all can be started the work is done here and now, blocking.
        """
        with self._changed:
            job: Job[T] | None = self._pending.get(key)
            if job is not None:
                return job
            job = self._pending[key] = Job(key, work)
            self._queue.append(job)
            if len(self._queue) > self._idle and self._threads < LIMIT:
                self._start_thread()
            alone = not self._threads
            if alone:
                self._queue.remove(job)
            else:
                self._changed.notify()
        if alone:
            self._finish(job)
        return job

    def _start_thread(self) -> None:
        try:
            threading.Thread(target=self._work, name="meshlib-lookup", daemon=True).start()
        except RuntimeError:  # none to be had; those that run, or else the caller, do the work
            return
        self._threads += 1

    def _work(self) -> None:
        while True:
            with self._changed:
                self._idle += 1
                found = self._changed.wait_for(lambda: bool(self._queue), IDLE)
                self._idle -= 1
                if not found:
                    self._threads -= 1
                    return
                job = self._queue.popleft()
            self._finish(job)

    def _finish(self, job: Job[Any]) -> None:
        job.run()
        with self._changed:
            self._pending.pop(job.key, None)
        job.done.set()


workers = Workers()
"""Those of this process."""
