"""The balance layer: one endpoint for each attempt, another one for each retry, and none that is left out.

It owns the picker and feeds it: latency when the headers have come, in-flight counts until the body is released.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshlib.classify import classify, ran_out
from meshlib.endpoint import first_set
from meshlib.errors import CircuitOpen, DeadlineExceeded, NoEndpoints
from meshlib.layers.balance.fleet import Fleet
from meshlib.layers.balance.policy import PENALTY, later

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from meshlib.call import Attempt
    from meshlib.endpoint import Endpoint, EndpointSet
    from meshlib.layer import Context, Handler, Response


class BalanceLayer:
    """Picks among the endpoints that discovery knows; passes an attempt through where there is no discovery."""

    name = "balance"

    def __init__(self, context: Context, fleet: Fleet) -> None:
        self._endpoints = context.endpoints
        self._service = context.service
        breaker = context.settings.breaker
        self._gated = breaker is not None
        self._acts = breaker is not None and breaker.enforce
        self._fleet = fleet

    @classmethod
    def build(cls, context: Context) -> BalanceLayer | None:
        settings = context.settings.balance
        if settings is None:
            return None
        return cls(context, context.state("balance", lambda: Fleet(settings, context.endpoints)))

    def describe(self) -> Mapping[str, object]:
        settings = self._fleet.settings
        return {
            "policy": settings.policy,
            "slow_start": settings.slow_start,
            "decay": settings.decay,
            "subset": settings.subset,
        }

    async def handle(self, inner: Handler, attempt: Attempt) -> Response:
        endpoints, call = self._endpoints, attempt.call
        published = endpoints.current
        if not call.pinned or (published is None and endpoints.start is None):
            return await inner(attempt)
        now = call.runtime.now()
        if published is None or now >= endpoints.stale_at:
            published = await self._first(attempt, now)
            now = call.runtime.now()
        fleet = self._fleet
        members = fleet.members if published is fleet.seen else fleet.see(published, call.runtime.rng)
        endpoint = self._choose(attempt, members, now)
        permit = attempt.permit
        attempt.endpoint = endpoint
        if attempt.deadline is not None:
            # Less time than the service usually takes: running out of it is then nobody's failure.
            attempt.short = attempt.deadline - now < fleet.usual.value
        call.tried.append(endpoint)
        attempt.busy = busy = endpoint.busy
        busy.append(None)
        attempt.on_release(self._released)
        try:
            response = await inner(attempt)
        except BaseException as exc:
            attempt.release(exc)
            raise
        self._returned(attempt, endpoint, response, trial=self._acts and permit is not None and permit.trial)
        return response

    async def _first(self, attempt: Attempt, began: float) -> EndpointSet:
        """Wait for discovery's first answer. The wait is the call's: the attempt's limits move with it."""
        call, runtime = attempt.call, attempt.runtime
        connect = attempt.request.extensions.get("timeout", {}).get("connect")
        published = await first_set(
            self._endpoints, runtime, connect if call.deadline is None else call.deadline - began
        )
        now = runtime.now()
        if ran_out(call.deadline, now):
            raise call.error(DeadlineExceeded, f"the deadline passed while {self._service} was resolved", self.name)
        if published is None:
            raise call.error(NoEndpoints, f"no endpoints of {self._service} after {now - began:.3g} s", self.name)
        attempt.deadline = later(attempt.deadline, now - began, call.deadline)
        attempt.body_deadline = later(attempt.body_deadline, now - began, call.deadline)
        return published

    def _choose(self, attempt: Attempt, members: Sequence[Endpoint], now: float) -> Endpoint:
        """An endpoint that admits the attempt; one that this call has not tried as long as there is one."""
        call, fleet = attempt.call, self._fleet
        if members and not (call.tried or self._endpoints.open or fleet.resting.anybody):  # nearly always
            endpoint = fleet.pick(members, now, call.runtime.rng)
            if endpoint.gate is None or self._admits(endpoint, attempt, now):
                return endpoint
        return self._choose_carefully(attempt, members, now)

    def _choose_carefully(self, attempt: Attempt, members: Sequence[Endpoint], now: float) -> Endpoint:
        """The same where something has failed."""
        tried = attempt.call.tried
        if self._endpoints.open or now >= self._fleet.resting.next:
            comeback = self._comeback(attempt, members, now)
            if comeback is not None:
                return comeback
        untried = [e for e in members if e not in tried] if tried else members
        fit = self._fleet.fit(untried, now)
        found = self._draw(fit, attempt, now)
        if found is None and fit is not untried:
            found = self._draw([e for e in untried if e not in fit], attempt, now)
        if found is not None:
            return found
        for endpoint in reversed(dict.fromkeys(reversed(tried))):  # the least recently tried first
            if endpoint in members and self._admits(endpoint, attempt, now):
                return endpoint
        raise self._refused(attempt, members, now)

    def _draw(self, choices: Sequence[Endpoint], attempt: Attempt, now: float) -> Endpoint | None:
        """One of `choices` that admits the attempt. A refusal costs no attempt: the rest is asked."""
        rng = attempt.call.runtime.rng
        while choices:
            endpoint = self._fleet.pick(choices, now, rng)
            if self._admits(endpoint, attempt, now):
                return endpoint
            choices = [e for e in choices if e is not endpoint]
        return None

    def _comeback(self, attempt: Attempt, members: Sequence[Endpoint], now: float) -> Endpoint | None:
        """An endpoint to try out again, if this attempt can be repeated elsewhere and loses nothing by it."""
        call = attempt.call
        if attempt.left == 0 or not call.repeatable:
            return None

        def usable(endpoint: Endpoint) -> bool:
            return endpoint in members and endpoint not in call.tried and self._admits(endpoint, attempt, now)

        for endpoint in self._endpoints.open if self._gated else ():
            if endpoint.gate is not None and endpoint.gate.due(now) and usable(endpoint):
                return endpoint
        chosen = self._fleet.resting.chance(now, usable, bounded=attempt.deadline is not None)
        if chosen is not None:
            attempt.on_release(self._chance_over)
        return chosen

    def _admits(self, endpoint: Endpoint, attempt: Attempt, now: float) -> bool:
        gate = endpoint.gate
        if gate is None or not self._gated:
            return True
        attempt.permit = gate.admit(now, attempt)
        return attempt.permit is not None

    def _refused(self, attempt: Attempt, members: Sequence[Endpoint], now: float) -> Exception:
        if not members:
            return attempt.call.error(NoEndpoints, f"discovery knows no endpoint of {self._service}", self.name)
        gate = members[0].gate
        if len(members) == 1 and gate is not None:
            return attempt.call.error(CircuitOpen, gate.refusal(now), "breaker")
        text = f"all {len(members)} endpoints of {self._service} are left out by their breakers"
        return attempt.call.error(NoEndpoints, text, self.name)

    def _returned(self, attempt: Attempt, endpoint: Endpoint, response: Response, *, trial: bool) -> None:
        """The headers have come: take the latency sample."""
        if attempt.started is None or attempt.returned is None:  # a layer below answered by itself
            return
        now, seconds = attempt.returned, attempt.returned - attempt.started
        if response.status_code >= 400:
            verdict = classify(attempt, response, now)
            if verdict.charge or verdict.repel:
                self._fleet.failed(endpoint, now, seconds, verdict)
                return
        self._fleet.answered(endpoint, now, seconds, trial=trial)

    def _released(self, attempt: Attempt, error: BaseException | None) -> None:
        """The attempt is over. One that broke counts as slow; one that nobody waited for, if it already was slow."""
        endpoint = attempt.endpoint
        assert endpoint is not None
        attempt.busy.pop()
        if error is None or attempt.started is None:
            return
        now = attempt.runtime.now()
        seconds, verdict = now - attempt.started, classify(attempt, error, now)
        if verdict.charge:
            self._fleet.failed(endpoint, now, seconds, verdict)
        elif verdict.kind == "cancelled" and attempt.returned is None and self._outlasted(endpoint, now, seconds):
            self._fleet.sample(endpoint, now, seconds)

    def _chance_over(self, attempt: Attempt, error: BaseException | None) -> None:
        """Where nothing was learnt, since it was cancelled, say, the endpoint rests once more as after a failure."""
        if error is not None and attempt.endpoint is not None:
            self._fleet.resting.give_back(attempt.endpoint, attempt.runtime.now() + PENALTY)

    @staticmethod
    def _outlasted(endpoint: Endpoint, now: float, seconds: float) -> bool:
        return endpoint.load is not None and seconds > endpoint.load.value(now)
