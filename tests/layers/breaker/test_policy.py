"""The state machine, with the time and the dice in the test's hand."""

import threading
from random import Random

import pytest

from meshlib.layers.breaker.policy import (
    JITTER,
    LEASE,
    TRANSITIONS,
    Input,
    Machine,
    Pass,
    Rules,
    State,
    left_out,
    open_time,
)

RULES = Rules(consecutive_failures=5, failure_ratio=0.5, min_calls=10, window=30.0, open_min=5.0, open_max=300.0)


@pytest.fixture
def machine() -> Machine:
    return Machine(RULES)


def trip(machine: Machine, now: float = 0.0, rng: Random | None = None) -> None:
    for _ in range(RULES.consecutive_failures):
        machine.failed(now, machine.free, rng or Random(1))
    assert machine.state is State.OPEN


def test_opens_at_the_fifth_failure_in_a_row(machine: Machine, rng: Random) -> None:
    changes = [machine.failed(0.0, machine.free, rng) for _ in range(5)]
    assert changes == [False, False, False, False, True]
    assert machine.state is State.OPEN


def test_a_success_in_between_starts_the_row_anew(machine: Machine, rng: Random) -> None:
    for _ in range(6):
        for _ in range(5):
            machine.succeeded(0.0, machine.free)
        for _ in range(4):
            machine.failed(0.0, machine.free, rng)
    assert machine.state is State.CLOSED  # 24 of 54 failed, never 5 in a row


def test_opens_at_half_of_ten_within_the_window(machine: Machine, rng: Random) -> None:
    for _ in range(4):
        machine.succeeded(0.0, machine.free)
        machine.failed(0.0, machine.free, rng)
    assert machine.state is State.CLOSED  # 4 of 8: too few to say anything
    machine.succeeded(1.0, machine.free)
    assert machine.failed(1.0, machine.free, rng)
    assert machine.state is State.OPEN


def test_failures_older_than_the_window_do_not_count(machine: Machine, rng: Random) -> None:
    for moment in range(100):
        machine.succeeded(moment * 10.0, machine.free)
        machine.failed(moment * 10.0, machine.free, rng)
    assert machine.state is State.CLOSED  # half of all fail, but never ten within 30 s


def test_a_body_that_breaks_turns_its_success_into_a_failure(machine: Machine, rng: Random) -> None:
    for _ in range(10):
        machine.succeeded(0.0, machine.free)
        machine.failed(0.0, machine.free, rng, counted=True)
    assert machine.state is State.OPEN


def test_one_thousand_callers_get_one_trial(machine: Machine) -> None:
    trip(machine)
    assert machine.lease(machine.until - 0.001, None) is None
    now, won, gate = machine.until, [], threading.Barrier(50)

    def ask() -> None:
        gate.wait()
        won.extend(filter(None, (machine.lease(now, None) for _ in range(20))))

    threads = [threading.Thread(target=ask) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert machine.state is State.HALF_OPEN


def test_a_trial_that_succeeds_closes_and_one_that_fails_opens_for_longer(machine: Machine, rng: Random) -> None:
    trip(machine, rng=rng)
    times = [machine.opened_for]
    for _ in range(3):
        trial = machine.lease(machine.until, None)
        assert machine.failed(machine.until + 1.0, trial, rng)
        times.append(machine.opened_for)
    for expected, seconds in zip((5.0, 10.0, 20.0, 40.0), times, strict=True):
        assert expected * (1 - JITTER) <= seconds <= expected * (1 + JITTER)
    trial = machine.lease(machine.until, None)
    assert machine.succeeded(machine.until, trial)
    assert machine.state is State.CLOSED
    trip(machine, 1000.0, rng)
    assert machine.opened_for <= 5.0 * (1 + JITTER)  # closing starts the growth anew


def test_open_times_grow_to_the_longest_and_never_beyond(rng: Random) -> None:
    for reopened in (0, 1, 5, 6, 10, 100, 10_000):
        seconds = [open_time(RULES, reopened, rng) for _ in range(200)]
        assert max(seconds) <= RULES.open_max
        assert max(seconds) > 1.4 * min(seconds)  # jittered at every length


def test_of_500_processes_few_try_in_the_same_tenth_of_a_second() -> None:
    ends = sorted(open_time(RULES, 0, Random(process)) for process in range(500))
    crowded = max(sum(1 for end in ends if start <= end < start + 0.1) for start in ends)
    assert crowded <= 0.075 * 500
    assert sum(1 for end in ends if end < ends[0] + 0.1) <= 0.05 * 500


def test_a_lost_trial_is_given_to_the_next_caller(machine: Machine) -> None:
    trip(machine)
    now = machine.until
    first = machine.lease(now, None)
    assert machine.lease(now, None) is None
    machine.lost(first)
    second = machine.lease(now, None)
    assert second is not None
    assert not machine.succeeded(now, first)
    assert machine.succeeded(now, second)


def test_a_lease_ends_by_itself_and_its_late_success_does_not_count(machine: Machine, rng: Random) -> None:
    trip(machine)
    now = machine.until
    first = machine.lease(now, deadline=now + 1.0)
    assert machine.lease(now + LEASE - 0.001, None) is None
    second = machine.lease(now + LEASE, None)
    assert second is not None
    assert not machine.succeeded(now + LEASE, first)
    assert not machine.failed(now + LEASE, first, rng)
    assert machine.state is State.HALF_OPEN
    assert machine.succeeded(now + LEASE + 1, second)


def test_a_lease_lasts_as_long_as_its_attempt_may(machine: Machine) -> None:
    trip(machine)
    now = machine.until
    machine.lease(now, deadline=now + 60.0)
    assert machine.lease(now + 59.9, None) is None
    assert machine.lease(now + 60.0, None) is not None


def test_outcomes_of_an_earlier_generation_change_nothing(machine: Machine, rng: Random) -> None:
    before = machine.free
    trip(machine)
    until = machine.until
    assert not machine.succeeded(1.0, before)
    assert not machine.failed(1.0, before, rng)
    assert (machine.state, machine.until) == (State.OPEN, until)
    assert machine.succeeded(until, machine.lease(until, None))
    for _ in range(20):
        assert not machine.failed(until, before, rng)
    assert machine.state is State.CLOSED


def test_attempts_that_panic_lets_through_while_open_change_nothing(machine: Machine, rng: Random) -> None:
    trip(machine)
    until = machine.until
    for _ in range(20):
        machine.succeeded(1.0, machine.free)
        machine.failed(1.0, machine.free, rng)
    assert (machine.state, machine.until) == (State.OPEN, until)


def test_opened_by_hand_it_waits_from_the_moment_somebody_looks(machine: Machine) -> None:
    assert machine.force(Input.FORCED_OPEN)
    assert not machine.due(1e9)
    assert machine.lease(1000.0, None) is None
    assert machine.lease(1004.9, None) is None
    assert machine.lease(1005.0, None) is not None


def test_closed_by_hand_it_forgets_trial_and_growth(machine: Machine, rng: Random) -> None:
    trip(machine)
    trial = machine.lease(machine.until, None)
    assert machine.force(Input.FORCED_CLOSED)
    assert not machine.failed(100.0, trial, rng)
    assert machine.state is State.CLOSED
    assert not machine.force(Input.FORCED_CLOSED)


def test_ten_thousand_random_outcomes_leave_nothing_wedged(rng: Random) -> None:
    """Success, failure, cancellation, a lost attempt and late outcomes in any order: a trial is always found again."""
    machine, now, out = Machine(RULES), 0.0, []
    for _ in range(10_000):
        now += rng.expovariate(1.0)
        permit = machine.lease(now, now + rng.random() * 10) or machine.free
        out.append(permit)
        settle = out.pop(int(rng.random() * len(out))) if rng.random() < 0.8 or len(out) > 20 else None
        if settle is not None:
            [
                machine.succeeded,
                lambda n, p: machine.failed(n, p, rng),
                lambda n, p: machine.lost(p),
                lambda n, p: None,
            ][int(rng.random() * 4)](now, settle)
        if machine.state is not State.CLOSED:
            assert machine.due(now) or machine.due(now + RULES.open_max + 10.0)
    now += RULES.open_max + 10.0
    if machine.state is not State.CLOSED:
        assert machine.succeeded(now, machine.lease(now, None))
    assert machine.state is State.CLOSED


def test_every_state_can_be_left_and_reached() -> None:
    assert set(TRANSITIONS) == set(State)
    for state, ways in TRANSITIONS.items():
        assert set(ways.values()) - {state}
    assert {to for ways in TRANSITIONS.values() for to in ways.values()} == set(State)


@pytest.mark.parametrize(
    ("open_endpoints", "endpoints", "out"),
    [(1, 1, 1), (1, 2, 1), (2, 2, 1), (2, 3, 1), (3, 4, 2), (4, 10, 4), (10, 10, 5), (0, 10, 0), (11, 11, 5)],
)
def test_at_most_half_are_left_out_and_never_the_last_of_several(open_endpoints: int, endpoints: int, out: int) -> None:
    assert left_out(open_endpoints, endpoints) == out


def test_passes_that_are_no_trial_are_one_object(machine: Machine) -> None:
    assert machine.free is machine.free
    assert isinstance(machine.free, Pass)
