"""Tries a failed attempt again where that is safe, affordable and in time.

The first attempt costs next to nothing: everything about retries is made only when it has failed (`run.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshlib.layers.retry.policy import SERVER_WAIT_MAX, Rules, Wait
from meshlib.layers.retry.run import Run
from meshlib.layers.retry.strategies import Strategies
from meshlib.stats.token_bucket import TokenBucket

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from meshlib.call import Call
    from meshlib.config.settings import Settings
    from meshlib.endpoint import Endpoints
    from meshlib.layer import Context, Handler, Response
    from meshlib.layers.retry.config import Retry

_LEFT_UNKNOWN = 1  # under a stop strategy that does not tell: each attempt leaves half of the time to the rest


class RetryLayer:
    """Makes the attempts of a call: one, and further ones by the rules."""

    name = "retry"

    def __init__(
        self,
        rules: Rules,
        wait: Wait,
        budget: TokenBucket | None,
        endpoints: Endpoints,
        buffer_body: int,
        strategies: Strategies | None = None,
    ) -> None:
        self.rules = rules
        self.wait = wait
        self.budget = budget
        self.strategies = strategies
        self.endpoints = endpoints
        self._buffer_body = buffer_body
        self._retries_timeouts = "timeout" in rules.on

    @classmethod
    def build(cls, context: Context) -> Self | None:
        section = context.settings.retry
        if section is None:
            return None
        budget = None
        if section.budget is not False:
            of = section.budget
            key = f"budget {of.cap} {of.ratio} {of.floor}"  # a call that brings other values has a budget of its own
            budget = context.state(key, lambda: TokenBucket(of.cap, of.ratio, of.floor))
        return cls(
            rules=_rules(section, context.settings),
            wait=_wait(section, context.settings),
            budget=budget,
            endpoints=context.endpoints,
            buffer_body=section.buffer_body,
            strategies=_strategies(section),
        )

    async def handle(self, inner: Handler, call: Call) -> Response:
        call.keep_body(self._buffer_body)
        attempt = call.new_attempt(self.left(call))
        outcome: Any = None
        try:
            outcome = await inner(attempt)
        except Exception as error:  # noqa: BLE001 - every failure of an attempt is judged below
            outcome = error
        else:
            if outcome.status_code < 400:
                if self.budget is not None:
                    self.budget.credit()
                return outcome  # type: ignore[no-any-return]
        try:
            return await Run(self, inner, call).go_on(attempt, outcome)
        finally:
            del outcome  # an error's traceback holds this frame, and this frame would hold the error

    def succeeded(self, response: Response) -> Response:
        if self.budget is not None:
            self.budget.credit()
        return response

    def left(self, call: Call) -> int:
        """How many attempts may follow the next one if that times out.

        None where the budget is spent: an attempt that got only its share of the deadline would then fail for nothing,
        and a service that became slower than the share would never be heard again.
        """
        if not self._retries_timeouts or (call.deadline is not None and not self._may_follow(call)):
            return 0
        most = self.rules.max_attempts
        if most is not None:
            return most - call.attempts - 1
        known = self.strategies.attempts if self.strategies is not None else None
        return _LEFT_UNKNOWN if known is None else max(0, known - call.attempts - 1)

    def _may_follow(self, call: Call) -> bool:
        if self.budget is not None and not self.budget.affords(call.runtime.now()):
            return False
        return self.rules.configured or not call.mocked()  # as in `Run`

    def elsewhere(self, call: Call) -> bool:
        """Whether there is an endpoint in use that `call` has not tried and that no breaker leaves out."""
        known = self.endpoints.used or self.endpoints.current
        if known is None or not call.pinned:
            return False
        return any(e not in call.tried and e not in self.endpoints.open for e in known.endpoints)

    def describe(self) -> Mapping[str, object]:
        rules, wait, budget = self.rules, self.wait, self.budget
        shown: dict[str, object] = {"max_attempts": rules.max_attempts, "on": sorted(rules.on, key=str)}
        shown["backoff"] = (
            wait.base
            if wait.jitter == "none" and wait.base == wait.longest
            else {"base": wait.base, "max": wait.longest, "jitter": wait.jitter}
        )
        shown["budget"] = budget is not None and {"ratio": budget.ratio, "cap": budget.cap, "floor": budget.floor}
        shown["buffer_body"] = self._buffer_body
        for ours, given in self.strategies.in_place_of() if self.strategies is not None else ():
            del shown[ours]
            shown |= given
        return shown


def _rules(section: Retry, settings: Settings) -> Rules:
    return Rules(
        max_attempts=section.max_attempts if section.stop is None else None,
        on=frozenset(section.on),
        chosen=settings.is_set("retry", "on"),
        configured=settings.configured("retry"),
    )


def _wait(section: Retry, settings: Settings) -> Wait:
    configured = section.wait is not None or settings.is_set("retry", "backoff")
    pause = section.backoff
    if isinstance(pause, float):
        return Wait(pause, pause, "none", configured, server_max=max(pause, SERVER_WAIT_MAX))
    return Wait(pause.base, pause.max, pause.jitter, configured, server_max=pause.max)


def _strategies(section: Retry) -> Strategies | None:
    if section.stop is None and section.wait is None and section.retry is None:
        return None
    return Strategies(section)
