"""A one-shot signal between threads and event loops: set by the control loop, awaited by requests of any kind.

It has no lock: a response that is collected gives its connection to who waits, and the garbage collector may run in the
very thread that is subscribing (any allocation may start it), which would then wait for itself for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial


class Signal:
    """Set once, for ever. `subscribe` calls back at once if it is set already; callbacks run in the setter's thread."""

    __slots__ = ("_set", "_waiters")

    def __init__(self) -> None:
        self._waiters: list[Callable[[], None]] = []
        self._set = False

    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        self._set = True  # before looking: who subscribes looks at this after he has put himself in
        while self._waiters:
            try:
                wake = self._waiters.pop(0)
            except IndexError:  # another thread was faster
                return
            wake()

    def subscribe(self, wake: Callable[[], None]) -> Callable[[], object]:
        """Call `wake` once when the signal is set; returns a function that takes this back."""
        self._waiters.append(wake)
        if self._set and self._forget(wake):
            wake()
        return partial(self._forget, wake)

    def after_fork(self) -> None:
        """In a forked child nobody waits: the threads and loops that did are the parent's."""
        self._waiters.clear()

    def _forget(self, wake: Callable[[], None]) -> bool:
        """Whether it had not been called, and will not be."""
        try:
            self._waiters.remove(wake)
        except ValueError:
            return False
        return True
