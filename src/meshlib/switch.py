"""Whether meshlib is switched off at the moment, for a test of the code around it: see `meshlib.testing.disable`.

Unlike MESHLIB_ENABLED=0 this changes while clients live, and holds for all of them, so the door asks for every request.
It is one attribute of one object, for that costs a few nanoseconds.
"""

from __future__ import annotations

from meshlib.runtime.fork import new_lock


class Switch:
    """`off` says how many want meshlib off; while it is 0 meshlib works."""

    __slots__ = ("_lock", "off")

    def __init__(self) -> None:
        self._lock = new_lock()
        self.off = 0

    def turn(self, by: int) -> None:
        """One more (1) or one less (-1) wants it off."""
        with self._lock:
            self.off += by


switch = Switch()
"""The one of the process."""
