"""The arithmetic of the table."""

from collections import Counter

import pytest

from meshlib.cli.demo.figures import figures, percentile
from meshlib.cli.demo.schedule import Schedule
from tests.cli.demo.make import record, steady


@pytest.mark.parametrize(
    ("count", "percent", "expected"),
    [
        (100, 50, 50),
        (100, 99, 99),
        (100, 99.9, 100),
        (1000, 99.9, 999),
        (1, 50, 1),
        (10, 99, 10),
        (3, 0, 1),
        (0, 99, 0),
    ],
)
def test_a_percentile_is_the_nearest_rank(count, percent, expected):
    assert percentile([float(n) for n in range(1, count + 1)], percent) == expected


def test_calm_seconds_do_not_count():
    records = [record(due=4.9, ok=False, seconds=9.0), record(due=5.0, seconds=0.5), record(due=6.0, seconds=0.5)]
    found = figures(Schedule(), records, received=3, executed=Counter())
    assert (found.calls, found.get_success, found.p99) == (2, 1.0, 0.5)


def test_success_is_told_for_each_method_and_failed_calls_count_with_their_time():
    records = [record(due=10.0 + n, method="POST", ok=n != 0, seconds=1.0 if n == 0 else 0.02) for n in range(4)]
    records += [record(due=20.0 + n) for n in range(6)]
    found = figures(Schedule(), records, received=10, executed=Counter())
    assert (found.get_success, found.post_success) == (1.0, 0.75)
    assert (found.p50, found.p99, found.p999) == (0.02, 1.0, 1.0)


def test_attempts_are_the_clients_count_unless_the_replicas_saw_more():
    records = [record(due=10.0, attempts=2), record(due=11.0)]
    assert figures(Schedule(), records, received=1, executed=Counter()).attempts_per_call == 1.5
    assert figures(Schedule(), records, received=4, executed=Counter()).attempts_per_call == 2.0


def test_only_posts_executed_more_than_once_are_told():
    executed = Counter({"POST-1": 2, "POST-2": 1, "POST-3": 3, "GET-4": 2})
    assert figures(Schedule(), [record(due=10.0)], received=1, executed=executed).posts_twice == 2


def test_each_trouble_has_its_own_recovery_up_to_the_next_one():
    failing = [(4.0, 5.0), (12.0, 14.0), (19.0, 19.5), (27.0, 34.0)]
    records = steady(0, 45, rate=10, failing=failing)
    found = figures(Schedule(), records, received=len(records), executed=Counter())
    assert found.recover == pytest.approx((0.0, 1.9, 0.4, 6.9, 0.0))


def test_a_run_without_calls_has_figures_too():
    found = figures(Schedule(), [], received=0, executed=Counter())
    assert (found.calls, found.get_success, found.p99, found.attempts_per_call) == (0, 1.0, 0.0, 0.0)
