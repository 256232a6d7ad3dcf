"""A one-shot signal between threads and event loops: set by the control loop, awaited by requests of any kind."""

from __future__ import annotations

from collections.abc import Callable

from meshlib.runtime.fork import new_lock


class Signal:
    """Set once, for ever. `subscribe` calls back at once if it is set already; callbacks run in the setter's thread."""

    __slots__ = ("_lock", "_set", "_waiters")

    def __init__(self) -> None:
        self._lock = new_lock()
        self._waiters: list[Callable[[], None]] = []
        self._set = False

    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        with self._lock:
            self._set = True
            waiters, self._waiters = self._waiters, []
        for wake in waiters:
            wake()

    def subscribe(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Call `wake` when the signal is set; returns a function that takes this back."""
        with self._lock:
            if not self._set:
                self._waiters.append(wake)
                return lambda: self._forget(wake)
        wake()
        return lambda: None

    def after_fork(self) -> None:
        """In a forked child nobody waits: the threads and loops that did are the parent's."""
        self._waiters.clear()

    def _forget(self, wake: Callable[[], None]) -> None:
        with self._lock:
            if wake in self._waiters:
                self._waiters.remove(wake)
