from math import log
from random import Random

import pytest

from meshlib.stats.frugal import FrugalMedian


def test_comes_to_rest_near_the_median(rng: Random) -> None:
    median = FrugalMedian()
    median.add(1.0)
    for _ in range(3000):
        median.add(rng.lognormvariate(log(0.02), 0.3))
    assert median.value == pytest.approx(0.02, rel=0.2)


def test_one_in_ten_that_takes_seconds_does_not_move_it_far(rng: Random) -> None:
    median = FrugalMedian()
    for turn in range(3000):
        median.add(5.0 if turn % 10 == 0 else rng.lognormvariate(log(0.02), 0.3))
    assert median.value < 0.026


def test_the_first_value_is_taken_as_it_is() -> None:
    median = FrugalMedian()
    assert median.value == 0.0
    median.add(0.5)
    assert median.value == 0.5
    median.add(0.5)
    assert median.value == 0.5
