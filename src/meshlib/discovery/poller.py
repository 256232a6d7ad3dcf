"""One name at one source: one task asks, however many services want its answer."""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING

from meshlib.discovery import policy
from meshlib.discovery.addresses import usable
from meshlib.discovery.lookup import LookupFailed
from meshlib.runtime.signal import Signal

if TYPE_CHECKING:
    from meshlib.discovery.lookup import Lookup
    from meshlib.discovery.watching import Watch
    from meshlib.endpoint import Address
    from meshlib.runtime.base import Runtime

_log = logging.getLogger("meshlib.discovery")


class Poller:
    """Asks `lookup` for as long as any watch wants the answer, and gives each the newest good one.

    Runs in the control loop only. Watches are held weakly: those of a dropped Mesh fall away by themselves.
    """

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._watches: list[weakref.ref[Watch]] = []
        self._good: tuple[Address, ...] | None = None
        self._failures = 0
        self._unwanted = Signal()

    def add(self, watch: Watch, now: float) -> None:
        """Let `watch` have every good answer from now on, and the newest one at once."""
        if watch in self.watches():
            return
        self._watches.append(weakref.ref(watch))
        if self._good is not None:
            watch.publish(self._good, now)

    def remove(self, watch: Watch) -> bool:
        """Forget `watch`. True when it was the last: `follow` ends, and nothing may be added any more."""
        self._watches = [ref for ref in self._watches if ref() not in (watch, None)]
        if not self._watches:
            self._unwanted.set()
        return not self._watches

    def watches(self) -> list[Watch]:
        """Those that are still there."""
        return [watch for ref in self._watches if (watch := ref()) is not None]

    async def follow(self, runtime: Runtime) -> None:
        """Ask again and again, until no watch is left."""
        while self.watches() and not self._unwanted.is_set():
            await runtime.wait(self._unwanted, await self._ask(runtime))

    async def supervise(self, runtime: Runtime, stopping: Callable[[], bool]) -> None:
        """`follow`, started again with a growing pause whenever it breaks. Requests keep what was published."""
        crashes = 0
        while True:
            began = runtime.now()
            try:
                return await self.follow(runtime)
            except asyncio.CancelledError as exc:
                if stopping():
                    raise
                error: BaseException = exc  # not from us: a library's own, which must not end discovery
            except Exception as exc:  # noqa: BLE001 - whatever a source raises
                error = exc
            crashes = 1 if runtime.now() - began > policy.RESTART_MAX else crashes + 1
            _log.debug("a source of discovery crashed", exc_info=error)
            self._fail(f"the source crashed: {error!r}", runtime.now())
            await runtime.sleep(policy.restart_in(crashes, runtime.rng))

    async def _ask(self, runtime: Runtime) -> float:
        """One look-up and what follows from it; returns the seconds until the next."""
        try:
            answer = await self._lookup.resolve()
            good = usable(answer)
        except LookupFailed as error:
            self._failures += 1
            self._fail(str(error), runtime.now())
            return policy.retry_in(self._failures, self._good is not None, runtime.rng)
        self._failures, self._good = 0, good
        for watch in self.watches():
            watch.publish(good, runtime.now())
        return policy.refresh_in(answer.ttl, runtime.rng)

    def _fail(self, error: str, now: float) -> None:
        for watch in self.watches():
            watch.fail(error, now)
