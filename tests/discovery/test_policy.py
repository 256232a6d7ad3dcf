"""Every decision of discovery, in tables."""

import math
from random import Random

import pytest

from meshlib.discovery import policy


@pytest.mark.parametrize(
    ("ttl", "seconds"), [(None, 30.0), (0, 5.0), (1, 5.0), (5, 5.0), (7.5, 7.5), (30, 30.0), (86400, 30.0)]
)
def test_a_ttl_is_clamped_to_5_to_30_seconds(ttl: float | None, seconds: float) -> None:
    assert policy.lifetime(ttl) == seconds


def test_a_source_is_never_asked_before_its_ttl_has_passed_and_at_most_a_tenth_later(rng: Random) -> None:
    waits = [policy.refresh_in(10, rng) for _ in range(200)]
    assert 10.0 <= min(waits) < 10.1
    assert 10.9 < max(waits) <= 11.0


@pytest.mark.parametrize(
    ("failures", "have_set", "ceiling"),
    [
        (1, False, 0.05),
        (2, False, 0.1),
        (5, False, 0.8),
        (6, False, 1.0),
        (10**6, False, 1.0),
        (1, True, 1.0),
        (2, True, 2.0),
        (4, True, 8.0),
        (5, True, 10.0),
        (10**6, True, 10.0),
    ],
)
def test_retries_are_quick_while_calls_wait_and_calm_while_a_set_is_in_use(
    failures: int, have_set: bool, ceiling: float, rng: Random
) -> None:
    waits = [policy.retry_in(failures, have_set, rng) for _ in range(50)]
    assert ceiling / 2 <= min(waits)
    assert max(waits) <= ceiling
    assert len(set(waits)) == 50  # never in step


@pytest.mark.parametrize(("crashes", "ceiling"), [(1, 1.0), (2, 2.0), (6, 32.0), (7, 60.0), (10**6, 60.0)])
def test_a_crashed_source_is_restarted_after_1_to_60_seconds(crashes: int, ceiling: float, rng: Random) -> None:
    waits = [policy.restart_in(crashes, rng) for _ in range(50)]
    assert ceiling / 2 <= min(waits)
    assert max(waits) <= ceiling


@pytest.mark.parametrize(
    ("size", "good", "bad", "reason"),
    [
        (3, 3, 0, None),
        (5, 1, 0, None),  # repetitions are not bad
        (4, 2, 2, None),  # half is not more than half
        (0, 0, 0, "the answer is empty"),
        (3, 1, 2, "2 of 3 entries are unusable, the first: bad 0"),
        (1, 0, 1, "1 of 1 entries are unusable, the first: bad 0"),
        (10_001, 0, 0, "10001 endpoints in one answer, more than 10000"),
    ],
)
def test_which_answers_are_refused(size: int, good: int, bad: int, reason: str | None) -> None:
    assert policy.refusal(size, good, [f"bad {n}" for n in range(bad)]) == reason


@pytest.mark.parametrize(("last", "now", "may"), [(None, 0.0, True), (0.0, 9.9, False), (0.0, 10.0, True)])
def test_one_log_line_in_ten_seconds(last: float | None, now: float, may: bool) -> None:
    assert policy.may_log(last, now) is may


@pytest.mark.parametrize(
    ("heard", "asked_at", "left"), [(True, 0.0, math.inf), (False, None, math.inf), (False, 100.0, 0.25 - 3)]
)
def test_a_loop_never_heard_counts_as_dead_after_250_ms(heard: bool, asked_at: float | None, left: float) -> None:
    assert policy.patience(heard, asked_at, 103.0) == pytest.approx(left)
