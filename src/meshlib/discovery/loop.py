"""The control loop: one daemon thread with an event loop, in which every source of the process is asked.

A request only ever reads what was published. The thread is started when the first service needs it, started again when
it dies, and holds nothing that a dropped Mesh would be kept alive by.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from meshlib.discovery import policy
from meshlib.discovery.poller import Poller
from meshlib.runtime.control import ControlRuntime
from meshlib.runtime.fork import new_lock

if TYPE_CHECKING:
    from meshlib.discovery.watching import Watch

_log = logging.getLogger("meshlib.discovery")
_FAREWELL = 0.2  # seconds that the interpreter's exit may wait for the thread


class ControlLoop:
    """Takes watches up and lets them go, from any thread; asks their sources in its own."""

    def __init__(self) -> None:
        self._runtime = ControlRuntime()
        self._lock = new_lock()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event
        self._ended = threading.Event()
        self._watches: WeakValueDictionary[int, Watch] = WeakValueDictionary()  # by id; see `watches`
        self._inbox: deque[Watch] = deque()
        self._pollers: dict[tuple[str, str, str], Poller] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def subscribe(self, watch: Watch) -> None:
        """Have the loop ask the source of `watch`. Never raises: without a thread the watch is simply not heard."""
        if id(watch) not in self._watches:  # else it waits for a loop that is not there yet, or no longer
            self._watches[id(watch)] = watch
            self._inbox.append(watch)
        self._ensure_thread()
        self._nudge()

    def unsubscribe(self, watch: Watch) -> None:
        """Let `watch` go. Takes no lock, for it may be called by the garbage collector."""
        self._watches.pop(id(watch), None)
        if self._loop is not None:
            self._inbox.append(watch)
            self._nudge()

    def watches(self) -> list[Watch]:
        """All that were taken up and are still wanted. Others may come and go meanwhile, in any thread."""
        return [watch for ref in self._watches.valuerefs() if (watch := ref()) is not None]

    def stop(self) -> None:
        """End the thread at the interpreter's exit; a loop that hangs is left behind, as a daemon."""
        self._ended.set()
        self._nudge()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(_FAREWELL)

    def _ensure_thread(self) -> None:
        with self._lock:
            if self._ended.is_set() or (self._thread is not None and self._thread.is_alive()):
                return
            thread = threading.Thread(target=self._run, name="meshlib-control", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # no thread to be had here: callers resolve by themselves, and say so
                return
            self._thread = thread

    def _run(self) -> None:
        """The thread: the loop, and another one whenever something breaks it."""
        crashes = 0
        while not self._ended.is_set():
            began = self._runtime.now()
            try:
                # A selector loop, whatever the policy says: nothing here needs more, and a fork leaves it harmless.
                with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
                    try:
                        runner.run(self._serve())
                    finally:
                        self._loop = None  # from here on a cancelled source really ends
            except BaseException:  # noqa: BLE001 - whatever it was, services must go on being watched
                crashes = 1 if self._runtime.now() - began > policy.RESTART_MAX else crashes + 1
                _log.exception("the control loop broke, and is started again")
                self._ended.wait(policy.restart_in(crashes, self._runtime.rng))

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        self._pollers.clear()
        self._inbox.extend(self.watches())
        self._loop = asyncio.get_running_loop()
        self._work_off()
        await self._stop.wait()

    def _nudge(self) -> None:
        """Make the loop look at what other threads left for it."""
        loop = self._loop
        try:
            if loop is not None:
                loop.call_soon_threadsafe(self._work_off)
        except RuntimeError:  # it has just ended; the next one looks by itself
            pass

    def _work_off(self) -> None:
        while self._inbox:
            watch = self._inbox.popleft()
            poller = self._pollers.get(watch.key)
            if watch.closed:
                if poller is not None and poller.remove(watch):
                    del self._pollers[watch.key]
                continue
            watch.heard = True
            (poller or self._begin(watch)).add(watch, self._runtime.now())
        if self._ended.is_set():
            self._stop.set()

    def _begin(self, watch: Watch) -> Poller:
        poller = self._pollers[watch.key] = Poller(watch.lookup)
        task = asyncio.get_running_loop().create_task(self._keep(watch.key, poller))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return poller

    async def _keep(self, key: tuple[str, str, str], poller: Poller) -> None:
        try:
            await poller.supervise(self._runtime, lambda: self._loop is None)
        finally:
            if self._pollers.get(key) is poller:
                del self._pollers[key]
