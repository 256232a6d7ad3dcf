"""One call whose attempt has failed: decide, wait, try again, until something ends it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from meshlib.classify import Verdict, classify, ran_out
from meshlib.errors import DeadlineExceeded, MeshError
from meshlib.events import RetryScheduled, RetryStopped
from meshlib.layers.retry.discard import discard
from meshlib.layers.retry.policy import WHY, cause, delay, room, unsafe
from meshlib.layers.retry.strategies import ask, failed, going_on

if TYPE_CHECKING:
    from meshlib.call import Attempt, Call
    from meshlib.layer import Handler, Response
    from meshlib.layers.retry.layer import RetryLayer


@dataclass(slots=True)
class Decision:
    """Whether another attempt follows, after how many seconds, and which rule said so. `paid`: a token was taken."""

    again: bool
    reason: str
    delay: float = 0.0
    paid: bool = False


class Run:
    """The retries of one call. What it keeps dies with it."""

    def __init__(self, layer: RetryLayer, inner: Handler, call: Call) -> None:
        self._layer = layer
        self._inner = inner
        self._call = call
        self._had_500 = False
        self._response: Response | None = None  # the last one that was discarded and can still be returned
        self._error: Exception | None = None  # the last one that was not the end
        self._state = layer.strategies.begin(call.flow.journal.started) if layer.strategies else None

    async def go_on(self, attempt: Attempt, outcome: Any) -> Response:
        """The final response after `attempt` ended with `outcome`, a response or an exception; or raises."""
        final: Response | Exception = await self._final(attempt, outcome)
        self._error = self._state = None
        try:
            if isinstance(final, Exception):
                raise final
            return final
        finally:
            # A traceback holds its frames; a frame that holds the error would leave both to the garbage collector.
            del final, outcome

    async def _final(self, attempt: Attempt, outcome: Any) -> Any:
        """What the call shall end with: a response to return or an exception to raise."""
        while True:
            verdict = classify(attempt, outcome, attempt.runtime.now())
            decision = await self._decide_or_close(attempt, outcome, verdict)
            if not decision.again:
                return self._end(attempt, outcome, verdict, decision.reason)
            await self._pause_or_refund(attempt, outcome, decision)
            attempt = self._call.new_attempt(self._layer.left(self._call))
            outcome = await self._try(attempt)

    async def _try(self, attempt: Attempt) -> Any:
        """The response or the error; returned, so that no frame which keeps it is in its traceback."""
        try:
            return await self._inner(attempt)
        except Exception as error:  # noqa: BLE001 - every failure of an attempt is judged
            return error

    async def _decide_or_close(self, attempt: Attempt, outcome: Any, verdict: Verdict) -> Decision:
        """A strategy of the user may raise; a response must not stay open then."""
        try:
            return await self._decide(attempt, outcome, verdict)
        except BaseException:
            if not isinstance(outcome, BaseException):
                await attempt.runtime.close(outcome)
            raise

    async def _decide(self, attempt: Attempt, outcome: Any, verdict: Verdict) -> Decision:
        """Every rule in turn; a refused retry must cost no token, so the budget is asked last."""
        call, layer, now = self._call, self._layer, attempt.runtime.now()
        elsewhere = layer.elsewhere(call)
        reason = await self._cause(attempt, outcome, verdict, elsewhere, now)
        if reason is None:
            return Decision(False, "not_retryable")
        forbidden = unsafe(verdict, call.idempotent, call.replayable)
        if forbidden is not None:
            return Decision(False, forbidden)
        mocked = call.mocked()
        if mocked and not layer.rules.configured:
            return Decision(False, "mocked")
        if layer.rules.max_attempts is not None and attempt.number >= layer.rules.max_attempts:
            return Decision(False, "max_attempts")
        pause = 0.0 if mocked else await self._delay(attempt, verdict, elsewhere, now)
        if pause is None:
            return Decision(False, "retry_after")
        if await self._stopped(pause):
            return Decision(False, "stop")
        if pause > room(call.deadline, now):
            return Decision(False, "deadline")
        if verdict.unsent or layer.budget is None:
            return Decision(True, reason, pause)
        paid = layer.budget.take(now)
        return Decision(True, reason, pause, paid) if paid else Decision(False, "budget")

    async def _cause(self, attempt: Attempt, outcome: Any, verdict: Verdict, elsewhere: bool, now: float) -> str | None:
        strategies, state = self._layer.strategies, self._state
        if verdict.kind in ("ours", "cancelled") or (verdict.status is not None and verdict.status < 400):
            return None
        if state is not None:
            failed(state, attempt.number, outcome, now)
        if strategies is not None and strategies.retry is not None and state is not None:
            wanted = await ask(strategies.retry, state)
            return str(verdict.status or verdict.kind) if wanted else None
        limited = self._call.deadline is not None or ran_out(attempt.deadline, now)
        fresh = elsewhere and not self._had_500
        return cause(self._layer.rules, verdict, limited=limited, fresh_endpoint=fresh)

    async def _delay(self, attempt: Attempt, verdict: Verdict, elsewhere: bool, now: float) -> float | None:
        strategies, wait = self._layer.strategies, self._layer.wait
        if strategies is not None and strategies.wait is not None and self._state is not None:
            own = max(0.0, float(await ask(strategies.wait, self._state)))
        else:
            own = wait.draw(attempt.number - 1, attempt.runtime.rng)
        return delay(wait, own, verdict, elsewhere=elsewhere, room=room(self._call.deadline, now))

    async def _stopped(self, pause: float) -> bool:
        strategies, state = self._layer.strategies, self._state
        if strategies is None or strategies.stop is None or state is None:
            return False
        state.upcoming_sleep = pause
        return bool(await ask(strategies.stop, state))

    async def _pause_or_refund(self, attempt: Attempt, outcome: Any, decision: Decision) -> None:
        """Cancelled before the next attempt has begun, a call has spent nothing."""
        try:
            await self._pause(attempt, outcome, decision)
        except BaseException:
            if decision.paid and self._layer.budget is not None:
                self._layer.budget.give_back()
            raise

    async def _pause(self, attempt: Attempt, outcome: Any, decision: Decision) -> None:
        """Put the outcome away, say what follows, and wait."""
        call, runtime = self._call, attempt.runtime
        self._had_500 = self._had_500 or getattr(outcome, "status_code", 0) == 500
        if isinstance(outcome, Exception):
            self._error = outcome
        else:
            self._response = outcome if await discard(attempt, outcome) else None
        call.emit(RetryScheduled(runtime.now(), attempt.number, decision.delay, decision.reason))
        if self._state is not None:
            going_on(self._state, decision.delay)
        if decision.delay > 0:
            await runtime.sleep(decision.delay)

    def _end(self, attempt: Attempt, outcome: Any, verdict: Verdict, why: str) -> Any:
        """What is in hand when no further attempt is made; an exception says why in a note."""
        if isinstance(outcome, MeshError):
            return self._ended_by_us(attempt, outcome)
        if verdict.kind == "ok" and why == "not_retryable":
            return self._layer.succeeded(outcome)
        self._call.emit(RetryStopped(attempt.runtime.now(), attempt.number, why))
        if isinstance(outcome, Exception) and (attempt.number > 1 or why != "not_retryable"):
            _note(outcome, attempt.number, f"{WHY[why]} ({why})")
        return outcome

    def _ended_by_us(self, attempt: Attempt, error: MeshError) -> Any:
        """A layer below refused: that is never retried. Met on a retry, the outcome in hand says more than it does."""
        if isinstance(error, DeadlineExceeded):
            return error
        word = re.sub(r"(?<!^)(?=[A-Z])", "_", type(error).__name__).lower()  # CircuitOpen is circuit_open
        self._call.emit(RetryStopped(attempt.runtime.now(), attempt.number, word))
        if self._response is None and self._error is not None:
            _note(self._error, attempt.number - 1, f"{error} ({word})")
        return self._response or self._error or error


def _note(error: Exception, attempts: int, why: str) -> None:
    """Say on the error how often it was tried; once, for mocks raise one object again and again."""
    note = f"meshlib: {attempts} attempt{'s' if attempts > 1 else ''}; no further one: {why}"
    if note not in getattr(error, "__notes__", ()):
        error.add_note(note)
