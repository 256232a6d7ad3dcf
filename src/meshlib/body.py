"""Request bodies that can be sent once more."""

from __future__ import annotations

from typing import Any


class Body:
    """The body of a call's request. (Written by the engineer of `retry`; this is its interface.)"""

    replayable: bool = True

    @classmethod
    def of(cls, request: Any, library: Any, limit: int) -> Body:
        """Prepare `request` so that its body can be sent again."""
        body = cls()
        body._stream = request.stream
        return body

    def again(self) -> Any:
        """A stream for the next attempt."""
        return self._stream
