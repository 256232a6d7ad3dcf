"""Which of a service's open endpoints are really left out, so that breakers never take the whole service away.

At most half of the endpoints, in the order in which they opened (Envoy's max ejection percent, counted and never
rounded up to all). Those that open beyond that stay in, with the penalty their failures have earned with the balancer;
this is panic, and it is reported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshlib.events import PanicChanged
from meshlib.layers.breaker.policy import State, left_out
from meshlib.runtime.fork import new_rlock

if TYPE_CHECKING:
    from meshlib.call import Attempt
    from meshlib.endpoint import Endpoints, EndpointSet
    from meshlib.layers.breaker.gate import EndpointGate


class Ejections:
    """The open gates of one service, oldest first. `acts` is False where the breaker does not enforce."""

    def __init__(self, endpoints: Endpoints, service: str, *, acts: bool) -> None:
        self._endpoints = endpoints
        self._service = service
        self._acts = acts
        self._open: dict[EndpointGate, None] = {}
        self._arranged_for: EndpointSet | None = None
        self._panic = False
        self._lock = new_rlock()

    def update(self, gate: EndpointGate, now: float, attempt: Attempt) -> None:
        """Take note of the state of `gate`, and decide anew who is left out."""
        with self._lock:
            if gate.machine.state is State.CLOSED:
                self._open.pop(gate, None)
                gate.ejected = False
            else:
                self._open.setdefault(gate)
            changed, panic, count = self._arrange()
        if changed:
            attempt.call.emit(PanicChanged(now, self._service, panic, count))

    def stale(self) -> bool:
        """Whether the service has other endpoints now than when it was decided who is left out."""
        return self._in_use() is not self._arranged_for

    def _in_use(self) -> EndpointSet | None:
        return self._endpoints.used or self._endpoints.current

    def _arrange(self) -> tuple[bool, bool, int]:
        self._arranged_for = self._in_use()
        members = frozenset(self._arranged_for.endpoints) if self._arranged_for else frozenset()
        for gate in list(self._open):  # a finalizer, for which the lock is reentrant, may come in between and add one
            if gate.endpoint.gone:
                self._open.pop(gate, None)
        gates = [gate for gate in list(self._open) if gate.endpoint in members]
        out = left_out(len(gates), len(members))
        for position, gate in enumerate(gates):
            gate.ejected = position < out
        if self._acts:
            self._endpoints.open = tuple(gate.endpoint for gate in gates)
        before, self._panic = self._panic, len(gates) > out
        return before is not self._panic, self._panic, len(gates)
