"""The one control loop of this process, over fork and exit.

A forked child has the parent's objects but not its threads, and shares the file descriptors of its event loop: there
the old loop is left alone for ever (to close it would pull the parent's descriptors out of the shared epoll), and a new
one takes up what was watched. The last good sets serve until it has its answers.
"""

from __future__ import annotations

import atexit
import os

from meshlib.discovery.loop import ControlLoop
from meshlib.discovery.workers import workers
from meshlib.runtime.fork import new_rlock

FORK_WAIT = 1.0  # seconds; a listener that hangs in a publication must not hang every fork


class Process:
    """`loop` is this process's control loop; it runs from the first subscription on.

    `publishing` is held while a set is published, so that no child is forked with half of one, nor with its lock held.
    """

    def __init__(self) -> None:
        self.loop = ControlLoop()
        self.publishing = new_rlock()
        self._left_behind: list[ControlLoop] = []
        self._held = False

    def before_fork(self) -> None:
        self._held = self.publishing.acquire(timeout=FORK_WAIT)

    def after_fork_in_parent(self) -> None:
        if self._held:
            self.publishing.release()

    def after_fork_in_child(self) -> None:
        self.publishing = new_rlock()
        workers.forget()
        watches = self.loop.watches()
        self._left_behind.append(self.loop)
        self.loop = ControlLoop()
        for watch in watches:
            watch.restart()

    def at_exit(self) -> None:
        self.loop.stop()


process = Process()
"""This one."""

os.register_at_fork(
    before=process.before_fork,
    after_in_parent=process.after_fork_in_parent,
    after_in_child=process.after_fork_in_child,
)
atexit.register(process.at_exit)
