"""The one control loop of this process, over fork and exit.

A forked child has the parent's objects but not its threads, and shares the file descriptors of its event loop: there
the old loop is left alone for ever (to close it would pull the parent's descriptors out of the shared epoll). The last
good sets serve, and the first call of a service has a new loop ask for it; a child that calls nobody starts no thread.
"""

from __future__ import annotations

import atexit
import os
import threading

from meshlib.discovery.loop import ControlLoop
from meshlib.discovery.workers import workers
from meshlib.runtime import fork

FORK_WAIT = 1.0  # seconds; a listener that hangs in a publication must not hang every fork


class Process:
    """`loop` is this process's control loop; it runs from the first subscription on.

    `publishing` is held while a set is published, so that no child is forked with half of one, nor with its lock held.
    """

    def __init__(self) -> None:
        self.loop = ControlLoop()
        self.publishing = fork.new_rlock()
        self._left_behind: list[ControlLoop] = []
        self._held: set[int] = set()  # threads that are forking, by their ident, which a child's only thread keeps

    def before_fork(self) -> None:
        if self.publishing.acquire(timeout=FORK_WAIT):
            self._held.add(threading.get_ident())

    def after_fork_in_parent(self) -> None:
        if threading.get_ident() in self._held:
            self._held.discard(threading.get_ident())
            self.publishing.release()

    def after_fork(self) -> None:
        self.after_fork_in_parent()  # this thread holds it here as there, which is why it was not made new
        self._held.clear()
        workers.forget()
        self._left_behind.append(self.loop)
        self.loop = ControlLoop()

    def at_exit(self) -> None:
        self.loop.stop()


process = Process()
"""This one."""

fork.register(process)
os.register_at_fork(before=process.before_fork, after_in_parent=process.after_fork_in_parent)
atexit.register(process.at_exit)
