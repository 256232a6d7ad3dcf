"""The breaker layer: tells each endpoint's breaker how its attempts ended. Whether one may begin, `balance` has asked.

It is the lowest layer, so that it counts what the endpoint did and nothing that a layer of ours did. A service whose
endpoints are not known to us (the URL's own host, a proxy, a user's transport) is treated as one endpoint: a circuit
breaker in the old sense, asked here.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from meshlib.classify import classify
from meshlib.errors import CircuitOpen
from meshlib.layers.breaker.gate import SETTLED
from meshlib.layers.breaker.gates import Gates

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from meshlib.call import Attempt
    from meshlib.layer import Context, Handler, Response


class BreakerLayer:
    """Leaves out what fails hard, and lets one trial through after a growing time."""

    name = "breaker"

    def __init__(self, gates: Gates, *, under_mocks: bool = True) -> None:
        self._gates = gates
        self._under_mocks = under_mocks  # a breaker nobody asked for does not count what a mock answers

    @classmethod
    def build(cls, context: Context) -> BreakerLayer | None:
        settings = context.settings.breaker
        if settings is None:
            return None
        gates = context.state("breaker", lambda: Gates(settings, context.service or "", context.endpoints))
        return cls(gates, under_mocks=context.settings.configured("breaker"))

    def describe(self) -> Mapping[str, object]:
        rules, settings = self._gates.rules, self._gates.settings
        return {
            "consecutive_failures": rules.consecutive_failures,
            "failure_ratio": rules.failure_ratio,
            "min_calls": rules.min_calls,
            "window": rules.window,
            "open_min": rules.open_min,
            "open_max": rules.open_max,
            "enforce": settings.enforce,
            "listeners": len(settings.listeners),
            "factory": getattr(settings.factory, "__qualname__", settings.factory),
        }

    async def handle(self, inner: Handler, attempt: Attempt) -> Response:
        if attempt.endpoint is None and self._gates.of_service is not None:
            self._admit(attempt)
        attempt.on_release(self._released)
        try:
            response = await inner(attempt)
        except BaseException as exc:
            attempt.release(exc)
            raise
        endpoint = attempt.endpoint
        gate = self._gates.of_service if endpoint is None else endpoint.gate
        if gate is not None or response.status_code >= 500 or attempt.permit is not None:
            self._returned(attempt, response)
        return response

    def _admit(self, attempt: Attempt) -> None:
        gate, now = self._gates.of_service, attempt.runtime.now()
        assert gate is not None
        attempt.permit = gate.admit(now, attempt)
        if attempt.permit is None:
            raise attempt.call.error(CircuitOpen, gate.refusal(now), self.name)

    def _returned(self, attempt: Attempt, response: Response) -> None:
        """The headers have come."""
        gate = self._gates.find(attempt.endpoint)
        failed = response.status_code >= 500 and classify(attempt, response, attempt.runtime.now()).charge
        if failed:
            self._failed(attempt, partial(_status_error, attempt, response))
        elif gate is not None:
            gate.succeeded(attempt.runtime.now(), attempt)
        if failed or (attempt.permit is not None and attempt.permit.trial):
            attempt.permit = SETTLED

    def _released(self, attempt: Attempt, error: BaseException | None) -> None:
        """The attempt is over; `error` broke it, or its body after `_returned` took it for a success."""
        if error is None or attempt.started is None:
            return
        gate = self._gates.find(attempt.endpoint)
        charged = classify(attempt, error, attempt.runtime.now()).charge
        if charged and (gate is None or gate.circuit.is_failure(error)):
            streamed = attempt.call.flow.stream and attempt.returned is not None
            self._failed(attempt, lambda: error, counted=streamed and gate is not None)
        elif gate is not None:
            gate.lost(attempt)

    def _failed(self, attempt: Attempt, error: Callable[[], BaseException], *, counted: bool = False) -> None:
        if self._under_mocks or not attempt.call.mocked():
            gate = self._gates.make(attempt.endpoint)
            gate.failed(attempt.runtime.now(), attempt, error, counted=counted)


def _status_error(attempt: Attempt, response: Response) -> BaseException:
    """What listeners of pybreaker get for a status: they expect an exception."""
    error: BaseException = attempt.call.library.hx.HTTPStatusError(
        f"status {response.status_code}", request=attempt.request, response=response
    )
    return error
