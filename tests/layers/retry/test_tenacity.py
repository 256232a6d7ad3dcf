"""tenacity's strategy objects in place of our settings, on the runtime's clock."""

from typing import Any

import httpx
import pytest
import tenacity
from tenacity.asyncio import retry_if_exception as async_retry_if_exception
from tenacity.asyncio import retry_if_result as async_retry_if_result

from meshlib.errors import CircuitOpen, raised_as
from meshlib.runtime.sync import SyncRuntime, complete
from meshlib.testing.script import new_call
from meshlib.testing.virtual import VirtualRuntime
from tests.layers.chains import play, retry

RESET = httpx.ReadError("reset")


def test_stop_wait_and_retry_stand_in_place_of_ours() -> None:
    layer = retry(
        stop=tenacity.stop_after_attempt(4),
        wait=tenacity.wait_exponential(multiplier=0.1, min=0.1),
        retry=tenacity.retry_if_exception_type(httpx.ReadError),
    )
    story = play(layer, [RESET])
    assert story.times == [0.0, 0.1, 0.3, 0.7]
    assert (story.stopped, story.outcome) == ("stop", RESET)
    assert len(play(layer, [503]).attempts) == 1


@pytest.mark.parametrize(
    ("fields", "times"),
    [
        ({"wait": tenacity.wait_fixed(0.5)}, [0.0, 0.5, 1.0]),
        ({"wait": tenacity.wait_fixed(0.5), "max_attempts": 2}, [0.0, 0.5]),
        ({"wait": tenacity.wait_incrementing(1, 1)}, [0.0, 1.0, 3.0]),
        ({"wait": tenacity.wait_chain(tenacity.wait_fixed(1), tenacity.wait_fixed(2))}, [0.0, 1.0, 3.0]),
        ({"wait": lambda state: 0.1 * state.attempt_number}, [0.0, 0.1, 0.3]),
        ({"wait": lambda state: -5}, [0.0, 0.0, 0.0]),
        ({"stop": tenacity.stop_after_attempt(2), "backoff": 0.2}, [0.0, 0.2]),
        ({"stop": tenacity.stop_after_delay(0.5), "backoff": 0.2}, [0.0, 0.2, 0.4, 0.6]),
        ({"stop": tenacity.stop_before_delay(0.5), "backoff": 0.2}, [0.0, 0.2, 0.4]),
        ({"stop": tenacity.stop_after_attempt(9) | tenacity.stop_before_delay(0.3), "backoff": 0.2}, [0.0, 0.2]),
        ({"stop": lambda state: state.idle_for >= 0.3, "backoff": 0.1}, [0.0, 0.1, 0.2, 0.3]),
        ({"retry": tenacity.retry_if_exception_message(match="reset"), "backoff": 0}, [0.0, 0.0, 0.0]),
        ({"retry": tenacity.retry_if_exception_message(match="other"), "backoff": 0}, [0.0]),
        ({"retry": tenacity.retry_if_not_exception_type(httpx.ReadError), "backoff": 0}, [0.0]),
        ({"retry": tenacity.retry_always, "backoff": 0}, [0.0, 0.0, 0.0]),
        ({"retry": tenacity.retry_never, "backoff": 0}, [0.0]),
        ({"retry": async_retry_if_exception(lambda exc: _later(True)), "backoff": 0}, [0.0, 0.0, 0.0]),
        ({"retry": async_retry_if_exception(lambda exc: _later(False)), "backoff": 0}, [0.0]),
    ],
)
def test_each_strategy_alone_and_with_ours(fields: dict[str, Any], times: list[float]) -> None:
    story = play(retry(**fields), [RESET])
    assert story.times == [pytest.approx(t) for t in times]


async def _later(answer: bool) -> bool:
    return answer


@pytest.mark.parametrize(
    "predicate",
    [
        tenacity.retry_if_result(lambda r: r.status_code == 404),
        async_retry_if_result(lambda r: _later(r.status_code == 404)),
    ],
)
def test_a_predicate_sees_failed_responses_and_never_a_success(predicate: Any) -> None:
    layer = retry(retry=predicate, backoff=0)
    assert play(layer, [404, 404, 200]).reasons == ["404", "404"]
    asked: list[int] = []
    layer = retry(retry=lambda state: asked.append(state.outcome.result().status_code) or True, backoff=0)
    assert play(layer, [503, 200]).outcome.status_code == 200
    assert asked == [503]


def test_a_predicate_cannot_lift_the_rules_of_safety() -> None:
    layer = retry(retry=tenacity.retry_always, backoff=0, buffer_body=4)
    assert play(layer, [503], method="POST").stopped == "not_idempotent"
    assert play(layer, [raised_as(CircuitOpen, httpx)("open")]).stopped == "circuit_open"
    assert play(layer, [httpx.LocalProtocolError("bad header")]).stopped == "not_retryable"
    assert len(play(layer, [RESET], method="POST", sent="nothing").attempts) == 3


def test_a_predicate_may_retry_httpxs_own_timeouts() -> None:
    layer = retry(retry=tenacity.retry_if_exception_type(httpx.ReadTimeout), backoff=0)
    assert len(play(layer, [httpx.ReadTimeout("5 s")]).attempts) == 3


def test_the_budget_and_the_deadline_hold_above_strategies() -> None:
    layer = retry(stop=tenacity.stop_never, wait=tenacity.wait_fixed(0.1))
    assert play(layer, [503], deadline=0.35).stopped == "deadline"
    story = play(layer, [503])
    assert (len(story.attempts), story.stopped) == (8, "budget")


def test_retry_after_is_told_to_the_stop_strategy_as_the_upcoming_sleep() -> None:
    layer = retry(stop=tenacity.stop_before_delay(0.5), backoff=0.1)
    assert play(layer, [(503, {"retry-after": "1"})]).stopped == "stop"


def test_stop_after_delay_counts_from_the_start_of_the_call_in_the_runtimes_time() -> None:
    clock = VirtualRuntime(start=5_000_000.0)
    story = play(retry(stop=tenacity.stop_after_delay(1.0), backoff=0), [503], takes=0.4, clock=clock)
    assert len(story.attempts) == 3


def test_a_strategy_that_looks_at_the_retry_object_finds_one() -> None:
    stop = tenacity.stop_after_attempt(2)
    seen: list[Any] = []
    play(retry(stop=stop, wait=lambda state: seen.append(state.retry_object) or 0), [RESET])
    assert seen[0].stop is stop


def test_a_strategy_that_raises_leaves_no_response_open() -> None:
    def broken(state: Any) -> float:
        raise ZeroDivisionError

    response = httpx.Response(503, stream=_Stream())
    story = play(retry(wait=broken), [response])
    assert isinstance(story.outcome, ZeroDivisionError)
    assert response.is_closed


class _Stream(httpx.SyncByteStream):
    def __iter__(self) -> Any:
        yield b"text"


@pytest.mark.parametrize(
    ("stop", "left"),
    [(tenacity.stop_after_attempt(3), [2, 1, 0]), (lambda state: state.attempt_number >= 3, [1, 1, 1])],
)
def test_the_time_left_to_further_attempts(stop: Any, left: list[int]) -> None:
    story = play(retry(stop=stop, backoff=0), [RESET])
    assert [attempt.left for attempt in story.attempts] == left


def test_asynchronous_predicates_work_in_the_sync_client() -> None:
    layer = retry(retry=async_retry_if_exception(lambda exc: _later(True)), backoff=0)
    numbers: list[int] = []

    async def inner(attempt: Any) -> Any:
        numbers.append(attempt.number)
        raise httpx.ReadError("reset")

    with pytest.raises(httpx.ReadError):
        complete(layer.handle(inner, new_call(SyncRuntime())))  # type: ignore[arg-type]
    assert numbers == [1, 2, 3]


def test_describe_shows_the_objects_that_run() -> None:
    stop, wait = tenacity.stop_after_attempt(2), tenacity.wait_fixed(1)
    shown = retry(stop=stop, wait=wait).describe()
    assert (shown["stop"], shown["wait"]) == (stop, wait)
    assert not {"max_attempts", "backoff"} & set(shown)
    assert retry(max_attempts=4, backoff=0.1).describe()["backoff"] == 0.1
