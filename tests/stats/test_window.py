from collections import deque
from random import Random

from meshlib.stats.window import BUCKETS, Window


def test_counts_what_happened_within_the_window_and_forgets_it_afterwards() -> None:
    window = Window(30.0)
    window.add(0.0, 1, 1)
    window.add(29.0, 1, 0)
    assert (window.calls, window.failures) == (2, 1)
    window.add(31.0, 1, 0)
    assert (window.calls, window.failures) == (2, 0)
    window.add(500.0, 1, 1)
    assert (window.calls, window.failures) == (1, 1)


def test_clear_forgets_everything_at_once() -> None:
    window = Window(30.0)
    for moment in range(60):
        window.add(moment, 1, 1)
    window.clear()
    window.add(60.0, 1, 0)
    assert (window.calls, window.failures) == (1, 0)


def test_agrees_with_an_exact_log_up_to_the_width_of_a_bucket(rng: Random) -> None:
    window, log, now = Window(30.0), deque(), 0.0
    for _ in range(5000):
        now += rng.expovariate(2.0)
        failed = rng.random() < 0.3
        window.add(now, 1, failed)
        log.append((now, failed))
        full = sum(1 for at, _ in log if at > now - 30.0)
        certain = sum(1 for at, _ in log if at > now - 30.0 * (1 - 1 / BUCKETS))
        assert certain <= window.calls <= full
        assert 0 <= window.failures <= window.calls


def test_a_step_back_between_threads_is_counted_in_the_newest_bucket() -> None:
    window = Window(10.0)
    window.add(100.0, 1, 0)
    window.add(99.0, 1, 1)
    assert (window.calls, window.failures) == (2, 1)
