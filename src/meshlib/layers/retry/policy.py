"""What may be tried again, and how long to wait before: DESIGN section 6 as plain functions.

Back-off is exponential with full jitter ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015): clients that
failed at the same moment do not come back at the same moment.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from meshlib.classify import NEAR

if TYPE_CHECKING:
    from random import Random

    from meshlib.classify import Verdict

SERVER_WAIT_MAX = 1.0
"""Seconds of Retry-After that are waited for where a constant backoff says no maximum."""

WHY = {
    "not_retryable": "an outcome like this is never retried",
    "not_idempotent": "the request may have been executed, and its method is not idempotent",
    "body": "the body could be read only once and was too large to keep (retry.buffer_body)",
    "mocked": "a mocking tool answers, and nobody configured retries",
    "max_attempts": "retry.max_attempts is reached",
    "stop": "the stop strategy said so",
    "retry_after": "the server asks for a longer wait, and there is no other endpoint",
    "deadline": "the wait would pass the deadline",
    "budget": "the retry budget is spent",
}
"""The reasons for which a failed call is not tried again, and what they mean."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What is worth another attempt. `on`: statuses, "connection", "timeout". `max_attempts` None: a strategy stops.

    `chosen`: somebody wrote `on`, so its statuses hold without the conditions of the default. `configured`: somebody
    wrote the section, so it engages under a mocker too.
    """

    max_attempts: int | None
    on: frozenset[int | str]
    chosen: bool
    configured: bool


@dataclass(frozen=True, slots=True)
class Wait:
    """The pause before the n-th retry (n from 0) is `min(longest, base * 2**n)`, less jitter. All in seconds.

    `configured`: it is kept before every retry; else an unsent request goes to another endpoint at once.
    `server_max`: the longest Retry-After that is waited for.
    """

    base: float
    longest: float
    jitter: str
    configured: bool
    server_max: float

    def draw(self, retries: int, rng: Random) -> float:
        full = min(self.longest, self.base * 2.0 ** min(retries, 60))
        if self.jitter == "full":
            return full * rng.random()
        return full * (0.5 + 0.5 * rng.random()) if self.jitter == "equal" else full


def cause(rules: Rules, verdict: Verdict, *, limited: bool, fresh_endpoint: bool) -> str | None:
    """The reason to try again, or None.

    `limited`: the attempt had a limit of ours, so that a timeout does not mean that the caller's own `timeout=` is up.
    `fresh_endpoint`: there is one which this call has not tried, nor has it retried a 500 yet.
    """
    if verdict.status is None:
        return verdict.kind if verdict.kind in rules.on and (verdict.kind != "timeout" or limited) else None
    if verdict.status not in rules.on:
        return None
    if not rules.chosen:
        if verdict.status == 429 and verdict.retry_after is None:
            return None
        if verdict.status == 500 and not fresh_endpoint:
            return None
    return str(verdict.status)


def unsafe(verdict: Verdict, idempotent: bool, replayable: bool) -> str | None:
    """The rule that forbids to send the request again, or None. What was never sent can always be sent."""
    if verdict.unsent:
        return None
    if not idempotent:
        return "not_idempotent"
    return None if replayable else "body"


def delay(wait: Wait, own: float, verdict: Verdict, *, elsewhere: bool, room: float) -> float | None:
    """Seconds until the next attempt, or None when the server wants more than is allowed and nobody else is there.

    `own`: what the back-off says; `elsewhere`: an endpoint not tried yet exists; `room`: seconds to the deadline.
    """
    asked = verdict.retry_after
    if asked is not None and asked <= wait.server_max and asked < room:
        return max(asked, own) if wait.configured else asked
    if asked is not None and not elsewhere:
        return None
    if elsewhere and not wait.configured and (verdict.unsent or asked is not None):
        return 0.0
    return own


def room(deadline: float | None, now: float) -> float:
    """Seconds in which another attempt can still start."""
    return math.inf if deadline is None else deadline - NEAR - now
