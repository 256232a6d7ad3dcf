"""The budget: what it never allows, whatever happens, and what it always allows."""

import threading

from hypothesis import given
from hypothesis import strategies as st

from meshlib.stats.token_bucket import TokenBucket

STEPS = st.lists(st.tuples(st.sampled_from(["success", "retry"]), st.floats(0, 5)), max_size=300)


@given(STEPS, st.integers(1, 20), st.floats(0, 1), st.floats(0, 1))
def test_never_more_is_spent_than_it_held_and_was_credited(
    steps: list[tuple[str, float]], cap: int, ratio: float, floor: float
) -> None:
    bucket, now, spent, successes = TokenBucket(cap, ratio, floor), 0.0, 0, 0
    for what, passed in steps:
        now += passed
        if what == "success":
            bucket.credit()
            successes += 1
        else:
            spent += bucket.take(now)
        assert -1e-6 <= bucket.level(now) <= cap
        assert spent <= cap + ratio * successes + floor * now + 1e-6


@given(st.lists(st.booleans(), max_size=400), st.integers(1, 20), st.floats(0, 1))
def test_attempts_stay_below_the_calls_and_their_share(calls: list[bool], cap: int, ratio: float) -> None:
    """Every call that fails would like to be retried without end."""
    bucket, attempts = TokenBucket(cap, ratio, 0.0), 0
    for succeeds in calls:
        attempts += 1
        if succeeds:
            bucket.credit()
        else:
            while bucket.take(0.0):
                attempts += 1
    assert attempts <= len(calls) * (1 + ratio) + cap + 1e-6


def test_it_starts_full_and_ten_successes_of_a_tenth_make_one_retry() -> None:
    bucket = TokenBucket(10, 0.1, 0.0)
    assert [bucket.take(0.0) for _ in range(11)] == [True] * 10 + [False]
    for _ in range(10):
        assert not bucket.take(0.0)
        bucket.credit()
    assert bucket.take(0.0)
    assert not bucket.take(0.0)


def test_a_quiet_client_gets_one_retry_in_ten_seconds() -> None:
    bucket = TokenBucket(1, 0.0, 0.1)
    assert bucket.take(100.0)
    assert not bucket.take(109.9)
    assert bucket.take(110.0)


def test_a_clock_that_steps_back_gives_nothing() -> None:
    bucket = TokenBucket(1, 0.0, 0.1)
    assert bucket.take(100.0)
    assert not bucket.take(0.0)
    assert not bucket.take(100.0)


def test_threads_together_spend_no_more_than_there_is() -> None:
    bucket, spent = TokenBucket(100, 0.0, 0.0), []
    threads = [threading.Thread(target=lambda: spent.extend(bucket.take(0.0) for _ in range(200))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(spent) == 100


def test_a_token_that_was_given_back_can_be_taken_again_and_the_cap_holds() -> None:
    bucket = TokenBucket(1, 0.0, 0.0)
    assert bucket.take(0.0)
    bucket.give_back()
    assert bucket.take(0.0)
    assert not bucket.take(0.0)
    bucket.give_back()
    bucket.give_back()
    assert bucket.level(0.0) == 1
