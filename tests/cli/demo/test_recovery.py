"""Recovery is the time until success stays at or above 99.9 %."""

import random

import pytest

from meshlib.cli.demo.recovery import recovery
from tests.cli.demo.make import record, steady


def test_without_a_failure_it_is_zero():
    assert recovery(steady(5, 12, rate=100), start=5) == 0.0
    assert recovery([], start=5) == 0.0


def test_it_lasts_to_the_last_failure_that_spoils_what_follows():
    assert recovery(steady(5, 12, rate=100, failing=[(5, 6), (8, 8.5)]), start=5) == pytest.approx(3.49)


def test_one_failure_among_a_thousand_that_follow_is_within_the_999():
    before = [record(due=5.0)]
    followed_by = [record(due=5.1 + n / 1000) for n in range(999)]
    assert recovery([*before, record(due=5.05, ok=False), *followed_by], start=5) == 0.0
    assert recovery([*before, record(due=5.05, ok=False), *followed_by[1:]], start=5) == pytest.approx(0.05)


def test_the_order_of_the_records_does_not_matter():
    records = steady(5, 12, rate=100, failing=[(5, 7)])
    shuffled = random.Random(1).sample(records, len(records))
    assert recovery(shuffled, start=5) == recovery(records, start=5) > 0
