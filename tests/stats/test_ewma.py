import threading
from math import exp

import pytest

from meshlib.stats.ewma import UNKNOWN, PeakEwma


def test_nothing_is_known_before_the_first_sample() -> None:
    load = PeakEwma(10.0)
    assert load.value(100.0) == UNKNOWN
    assert load.observe(100.0, 0.02) is True
    assert load.observe(101.0, 0.02) is False


def test_a_peak_is_believed_at_once_and_trust_returns_with_time() -> None:
    load = PeakEwma(10.0)
    load.observe(0.0, 0.02)
    load.observe(1.0, 5.0)
    assert load.value(1.0) == 5.0
    load.observe(2.0, 0.02)
    weight = exp(-0.1)
    assert load.value(2.0) == pytest.approx(5.0 * weight + 0.02 * (1 - weight))


def test_the_estimate_sinks_while_nobody_asks() -> None:
    load = PeakEwma(10.0)
    load.observe(0.0, 5.0)
    assert load.value(10.0) == pytest.approx(5.0 / exp(1))


def test_many_samples_at_one_moment_weigh_no_more_than_the_first() -> None:
    load = PeakEwma(10.0)
    load.observe(0.0, 1.0)
    for _ in range(1000):
        load.observe(0.0, 0.001)
    assert load.value(0.0) == 1.0


def test_a_clock_that_steps_back_between_threads_does_not_blow_the_estimate_up() -> None:
    load = PeakEwma(10.0)
    load.observe(10.0, 1.0)
    load.observe(9.0, 0.5)
    assert load.value(10.0) <= 1.0
    assert load.stamp == 10.0


def test_threads_together_never_leave_the_range_of_their_samples() -> None:
    load = PeakEwma(10.0)

    def feed(seconds: float) -> None:
        for moment in range(2000):
            load.observe(moment * 0.001, seconds)

    threads = [threading.Thread(target=feed, args=(s,)) for s in (0.01, 0.02, 0.03)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0.009 <= load.value(2.0) <= 0.03
