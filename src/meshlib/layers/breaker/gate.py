"""An endpoint's breaker as balancer and breaker layer use it: machine, circuit and the service's ejections together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshlib.events import BreakerChanged, WouldHave
from meshlib.layers.breaker.policy import Machine, Pass, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshlib.call import Attempt
    from meshlib.endpoint import Endpoint
    from meshlib.layers.breaker.circuit import Circuit
    from meshlib.layers.breaker.ejections import Ejections
    from meshlib.layers.breaker.policy import Input, Rules

FIRST = Pass(0)
"""The pass of attempts that began before the endpoint had a gate: its first generation."""
SETTLED = Pass(-1)
"""The pass of an attempt whose outcome is recorded: of no generation, so that nothing of it is recorded twice."""


class Gate:
    """The breaker of `name`: one endpoint, or a service of which no endpoints are known.

    `ejected`: whether being open keeps attempts away; false for an endpoint that stays in because of panic.
    """

    def __init__(self, service: str, name: str, rules: Rules, circuit: Circuit, *, enforce: bool) -> None:
        self.name = name
        self.machine = Machine(rules)
        self.circuit = circuit
        self.enforce = enforce
        self.ejected = True
        self._service = service
        self._by_hand = False
        circuit.watch(self._changed_by_hand)

    @property
    def state(self) -> str:
        """`closed`, `open` or `half_open`."""
        return self.machine.state.value

    def due(self, now: float) -> bool:
        """Whether the next attempt may be the trial."""
        return self.machine.due(now) and self.enforce

    def admit(self, now: float, attempt: Attempt) -> Pass | None:
        """A pass for one attempt, the trial's if that is due, or None while the endpoint is left out."""
        machine = self.machine
        if machine.state is State.CLOSED and not self._by_hand:
            return machine.free
        return self._admit(now, attempt)

    def refusal(self, now: float) -> str:
        """Why `admit` refuses, in words."""
        until = self.machine.until
        if self.machine.state is State.HALF_OPEN or until is None or until <= now:
            return f"{self.name} has failed too often, and a trial is under way"
        return f"{self.name} has failed too often, and is tried again in {until - now:.1f} s"

    def succeeded(self, now: float, attempt: Attempt) -> None:
        """The attempt got an answer that is no hard failure."""
        changed = self.machine.succeeded(now, _pass_of(attempt))
        self.circuit.succeeded()
        if changed:
            self._tell(now, attempt)

    def failed(
        self, now: float, attempt: Attempt, error: Callable[[], BaseException], *, counted: bool = False
    ) -> None:
        """The attempt failed hard; `error` makes the exception that listeners get."""
        changed = self.machine.failed(now, _pass_of(attempt), attempt.runtime.rng, counted=counted)
        self.circuit.failed(error)
        if changed:
            self._tell(now, attempt)

    def lost(self, attempt: Attempt) -> None:
        """How the attempt ended says nothing about the endpoint."""
        self.machine.lost(_pass_of(attempt))

    def _admit(self, now: float, attempt: Attempt) -> Pass | None:
        if self._by_hand:
            self._by_hand = False
            self._emit(now, attempt, self.machine.state)
            self._arrange(now, attempt)
        trial = self.machine.lease(now, attempt.deadline)
        if trial is not None:
            attempt.on_release(self._unsettled)
            self._tell(now, attempt)
            return trial
        if self.machine.state is State.CLOSED or not self.ejected:
            return self.machine.free
        if self.enforce:
            return None
        attempt.call.emit(WouldHave(now, "breaker", f"refuse {self.name}"))
        return self.machine.free

    def _unsettled(self, attempt: Attempt, error: BaseException | None) -> None:
        """The trial is over. If no layer below said how it ended, the lease goes back."""
        if error is not None or attempt.returned is None:
            self.lost(attempt)

    def _changed_by_hand(self, happened: Input) -> None:
        if self.machine.force(happened):
            self._by_hand = True  # told and arranged at the next attempt, which has a clock

    def _tell(self, now: float, attempt: Attempt) -> None:
        self._arrange(now, attempt)
        for state in self.circuit.follow(self.machine):
            self._emit(now, attempt, state)

    def _emit(self, now: float, attempt: Attempt, state: State) -> None:
        seconds = self.machine.opened_for if state is State.OPEN else 0.0
        attempt.call.emit(BreakerChanged(now, self._service, self.name, state.value, seconds))

    def _arrange(self, now: float, attempt: Attempt) -> None:
        """Decide who is left out: only where there are several endpoints."""


class EndpointGate(Gate):
    """The breaker of one endpoint, which may have to stay in because too many others are open."""

    def __init__(
        self, service: str, endpoint: Endpoint, rules: Rules, circuit: Circuit, ejections: Ejections, *, enforce: bool
    ) -> None:
        super().__init__(service, endpoint.name, rules, circuit, enforce=enforce)
        self.endpoint = endpoint
        self.ejected = False
        self._ejections = ejections

    def _admit(self, now: float, attempt: Attempt) -> Pass | None:
        if self._ejections.stale():
            self._arrange(now, attempt)
        return super()._admit(now, attempt)

    def _arrange(self, now: float, attempt: Attempt) -> None:
        self._ejections.update(self, now, attempt)


def _pass_of(attempt: Attempt) -> Pass:
    return attempt.permit if isinstance(attempt.permit, Pass) else FIRST
