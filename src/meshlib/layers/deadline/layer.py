"""Gives a call its deadline, and names the deadline as the cause where it ended the call.

Nothing is enforced here: the wire and the runtime's waits do that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshlib.classify import ran_out
from meshlib.errors import DeadlineExceeded, MeshError
from meshlib.events import DeadlinePassed
from meshlib.layers.deadline.policy import earliest, ended

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from meshlib.call import Call
    from meshlib.layer import Context, Handler, Response


class DeadlineLayer:
    """`timeout` in seconds for a whole call, None for no limit but the one that came from above."""

    name = "deadline"

    def __init__(self, timeout: float | None, propagate: bool) -> None:
        self._timeout = timeout
        self._propagate = propagate

    @classmethod
    def build(cls, context: Context) -> Self | None:
        section = context.settings.deadline
        return None if section is None else cls(section.timeout, section.propagate)

    async def handle(self, inner: Handler, call: Call) -> Response:
        if self._timeout is not None:
            self._stamp(call, self._timeout)
        deadline = call.deadline
        if deadline is None:
            return await inner(call)
        if ran_out(deadline, call.runtime.now()):
            raise self._exceeded(call)
        try:
            return await inner(call)
        except DeadlineExceeded:
            self._tell(call)
            raise
        except call.library.timeouts as exc:
            events = call.flow.journal.events
            if not ended(deadline, call.runtime.now(), events[-1] if events else None):
                raise
            raise self._exceeded(call) from exc

    def _stamp(self, call: Call, timeout: float) -> None:
        """The door has stamped the deadline of all hops; another service's own timeout can only make a hop's sooner."""
        first = call.flow.first
        if first is None or first[1] is None or first[1].name != call.service:
            call.deadline = earliest(call.flow.deadline, call.runtime.now(), timeout)

    def _exceeded(self, call: Call) -> MeshError:
        self._tell(call)
        spent = call.runtime.now() - call.flow.journal.started
        tries = "1 attempt" if call.attempts == 1 else f"{call.attempts} attempts"
        return call.error(DeadlineExceeded, f"the deadline passed after {spent * 1e3:.0f} ms and {tries}", self.name)

    def _tell(self, call: Call) -> None:
        call.emit(DeadlinePassed(call.runtime.now(), call.attempts))

    def describe(self) -> Mapping[str, object]:
        return {"timeout": self._timeout, "propagate": self._propagate}
