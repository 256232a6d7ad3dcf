"""How long a call waits before it tries again, and what the deadline and the budget refuse."""

import math
from random import Random
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshlib.classify import Verdict
from meshlib.layers.retry.policy import Wait, delay
from meshlib.testing.script import spawn
from meshlib.testing.virtual import VirtualRuntime
from tests.layers.chains import play, retry

UNSENT = httpx.ConnectError("refused")


def test_the_default_wait_grows_with_full_jitter() -> None:
    layer = retry(max_attempts=9, budget=False)
    gaps = [_gaps(play(layer, [503], clock=VirtualRuntime(seed))) for seed in range(200)]
    for n, most in enumerate([0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0]):
        drawn = [each[n] for each in gaps]
        assert max(drawn) <= most
        assert max(drawn) > 0.9 * most
        assert min(drawn) < 0.1 * most


def _gaps(story: Any) -> list[float]:
    return [b - a for a, b in zip(story.times, story.times[1:], strict=False)]


@given(st.sampled_from(["full", "equal", "none"]), st.integers(0, 10_000), st.integers(0, 2**32))
def test_a_wait_is_never_longer_than_its_maximum(jitter: str, retries: int, seed: int) -> None:
    drawn = Wait(0.025, 1.0, jitter, configured=False, server_max=1.0).draw(retries, Random(seed))
    full = min(1.0, 0.025 * 2 ** min(retries, 60))
    assert {"full": 0.0, "equal": full / 2, "none": full}[jitter] <= drawn <= full


def test_an_unsent_request_goes_to_another_endpoint_at_once_and_then_waits() -> None:
    story = play(retry(2, max_attempts=4), [UNSENT], sent="nothing", clock=VirtualRuntime(1))
    first, second, third = _gaps(story)
    assert first == 0.0
    assert second > 0.0
    assert third > 0.0


def test_a_configured_backoff_is_waited_before_another_endpoint_too() -> None:
    assert play(retry(4, backoff=0.1), [UNSENT], sent="nothing").times == [0.0, 0.1, 0.2]


NONE = Verdict("status", status=503)
ASKS = Verdict("status", status=429, retry_after=0.5)
LONG = Verdict("status", status=503, retry_after=120.0)
UNSENT_VERDICT = Verdict("connection", unsent=True)


@pytest.mark.parametrize(
    ("verdict", "configured", "elsewhere", "room", "seconds"),
    [
        (NONE, False, False, math.inf, 0.02),
        (NONE, False, True, math.inf, 0.02),
        (ASKS, False, False, math.inf, 0.5),
        (ASKS, False, True, math.inf, 0.5),
        (ASKS, True, True, math.inf, 0.5),
        (ASKS, False, True, 0.4, 0.0),
        (ASKS, True, True, 0.4, 0.02),
        (ASKS, False, False, 0.4, None),
        (LONG, False, True, math.inf, 0.0),
        (LONG, True, True, math.inf, 0.02),
        (LONG, False, False, math.inf, None),
        (LONG, True, False, math.inf, None),
        (UNSENT_VERDICT, False, True, math.inf, 0.0),
        (UNSENT_VERDICT, True, True, math.inf, 0.02),
        (UNSENT_VERDICT, False, False, math.inf, 0.02),
    ],
)
def test_retry_after_is_waited_for_if_short_else_elsewhere_at_once_else_given_up(
    verdict: Verdict, configured: bool, elsewhere: bool, room: float, seconds: float | None
) -> None:
    wait = Wait(0.02, 1.0, "none", configured, server_max=1.0)
    assert delay(wait, 0.02, verdict, elsewhere=elsewhere, room=room) == seconds


@pytest.mark.parametrize(
    ("value", "times", "stopped"),
    [
        ("1", [0.0, 1.0], None),
        ("120", [0.0], "retry_after"),
        ("Thu, 01 Jan 1970 00:00:00 GMT", [0.0, 0.0], None),
        ("-1", [0.0], "not_retryable"),
        ("1e309", [0.0], "not_retryable"),
        ("soon", [0.0], "not_retryable"),
    ],
)
def test_retry_after_of_a_429(value: str, times: list[float], stopped: str | None) -> None:
    story = play(retry(), [(429, {"retry-after": value}), 200])
    assert (story.times, story.stopped) == (times, stopped)


def test_a_constant_backoff_still_lets_a_server_ask_for_one_second() -> None:
    assert play(retry(backoff=0.1), [(503, {"retry-after": "1"}), 200]).times == [0.0, 1.0]


def test_a_wait_that_would_pass_the_deadline_ends_the_call_at_once_with_what_is_in_hand() -> None:
    clock = VirtualRuntime()
    story = play(retry(max_attempts=9, backoff=0.1), [503], deadline=0.25, clock=clock)
    assert story.times == [0.0, 0.1, 0.2]
    assert (story.outcome.status_code, story.stopped) == (503, "deadline")
    assert clock.now() == pytest.approx(0.2)


def test_after_ten_retries_without_a_success_the_budget_is_spent() -> None:
    layer, clock = retry(max_attempts=4, backoff=0.1), VirtualRuntime()
    stories = [play(layer, [503], clock=clock) for _ in range(4)]
    assert [len(s.attempts) for s in stories] == [4, 4, 4, 2]
    assert stories[-1].stopped == "budget"


def test_unsent_attempts_draw_nothing_from_the_budget_but_count() -> None:
    layer, clock = retry(4, max_attempts=4, backoff=0), VirtualRuntime()
    stories = [play(layer, [UNSENT], sent="nothing", clock=clock) for _ in range(20)]
    assert {len(s.attempts) for s in stories} == {4}


def test_a_retry_that_another_rule_refuses_costs_no_token() -> None:
    layer, clock = retry(backoff=0), VirtualRuntime()
    for _ in range(50):
        play(layer, [503], method="POST", clock=clock)
        play(layer, [(503, {"retry-after": "99"})], clock=clock)
        play(layer, [429], clock=clock)
    assert layer.budget is not None
    assert layer.budget.level(clock.now()) == 10


def test_successes_credit_the_budget_and_failures_do_not() -> None:
    layer, clock = retry(max_attempts=11, backoff=0, budget={"floor": 0.0}), VirtualRuntime()
    play(layer, [503], clock=clock)
    assert play(layer, [503], clock=clock).stopped == "budget"
    for _ in range(10):
        play(layer, [204], clock=clock)
    assert len(play(layer, [503], clock=clock).attempts) == 2


def test_chains_of_one_service_share_the_budget() -> None:
    from meshlib.layers.retry.layer import RetryLayer
    from tests.layers.chains import context

    shared = context()
    first, second = RetryLayer.build(shared), RetryLayer.build(shared)
    assert first is not None
    assert second is not None
    assert first.budget is second.budget


def test_a_call_that_brings_a_budget_of_its_own_has_that_one() -> None:
    from meshlib.config.options import options
    from meshlib.layers.retry.layer import RetryLayer
    from tests.layers.chains import context

    usual = context()
    asked = options(retry={"budget": {"cap": 3}})["meshlib"]
    first, own = RetryLayer.build(usual), RetryLayer.build(usual.with_settings(usual.settings.replace(asked)))
    assert first is not None
    assert own is not None
    assert first.budget is not None
    assert own.budget is not None
    assert (first.budget.cap, own.budget.cap) == (10, 3)


def test_ten_successes_pay_for_a_retry_and_for_leaving_it_time() -> None:
    layer, clock = retry(max_attempts=11, backoff=0, budget={"floor": 0.0}), VirtualRuntime()
    play(layer, [503], clock=clock)
    for _ in range(10):
        play(layer, [204], clock=clock)
    story = play(layer, [httpx.ReadTimeout("share"), 200], deadline=100.0, clock=clock)
    assert [a.left for a in story.attempts] == [10, 0]


def test_without_a_budget_every_call_may_be_retried() -> None:
    layer, clock = retry(backoff=0, budget=False), VirtualRuntime()
    assert {len(play(layer, [503], clock=clock).attempts) for _ in range(50)} == {3}


@pytest.mark.parametrize(("tokens", "left"), [(True, [2, 1, 0]), (False, [0])])
def test_an_attempt_leaves_time_to_others_only_while_the_budget_allows_them(tokens: bool, left: list[int]) -> None:
    layer, clock = retry(max_attempts=3, backoff=0), VirtualRuntime()
    if not tokens:
        for _ in range(10):
            play(layer, [503, 503], clock=clock)
    story = play(layer, [httpx.ReadTimeout("share")], deadline=100.0, clock=clock)
    assert [a.left for a in story.attempts] == left


@given(st.lists(st.sampled_from([200, 404, 500, 503, "reset"]), max_size=60), st.integers(1, 5), st.floats(0, 1))
def test_whatever_fails_attempts_stay_below_the_calls_and_their_share(
    outcomes: list[Any], cap: int, ratio: float
) -> None:
    layer = retry(2, max_attempts=9, backoff=0, budget={"cap": cap, "ratio": ratio, "floor": 0.0})
    attempts = sum(len(play(layer, [httpx.ReadError("reset") if o == "reset" else o]).attempts) for o in outcomes)
    assert attempts <= len(outcomes) * (1 + ratio) + cap + 1e-6


def test_an_error_object_that_is_raised_again_and_again_keeps_one_note() -> None:
    error, layer = httpx.ReadError("a mock's"), retry(backoff=0)
    for _ in range(3):
        play(layer, [error], mocked=True)
    assert len(error.__notes__) == 1


def test_a_call_that_is_cancelled_during_back_off_has_spent_nothing() -> None:
    clock, layer = VirtualRuntime(), retry(backoff=1.0, budget={"floor": 0.0})
    start, inner = spawn(layer, clock)
    call = start()
    inner.expect().reply(503)
    clock.advance(0.5)
    assert layer.budget is not None
    assert layer.budget.level(clock.now()) == 9
    call.cancel(KeyboardInterrupt())
    clock.settle()
    assert layer.budget.level(clock.now()) == 10
