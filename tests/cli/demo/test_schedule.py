"""The story is the same for everyone who is given the same numbers."""

import itertools
import statistics

import pytest

from meshlib.cli.demo.schedule import FIRST_REPLICAS, FULL_LENGTH, HEALTHY, REPLICAS, Schedule


def test_the_same_seed_gives_the_same_calls_and_another_seed_others():
    assert Schedule(seed=7).arrivals() == Schedule(seed=7).arrivals()
    assert Schedule(seed=7).arrivals() != Schedule(seed=8).arrivals()


def test_arrivals_are_a_poisson_process_of_the_given_rate():
    arrivals = Schedule(seconds=1000, rate=50, seed=3).arrivals()
    gaps = [b.due - a.due for a, b in itertools.pairwise(arrivals)]
    assert len(arrivals) == pytest.approx(50_000, rel=0.02)  # four standard deviations are 1.8 %
    assert statistics.stdev(gaps) == pytest.approx(statistics.mean(gaps), rel=0.02)  # exponential: they are equal
    assert sum(a.method == "GET" for a in arrivals) / len(arrivals) == pytest.approx(0.7, abs=0.01)
    assert len({a.id for a in arrivals}) == len(arrivals)


def test_all_is_well_until_second_five_and_then_one_trouble_follows_the_other():
    schedule = Schedule()
    assert (schedule.seconds, schedule.calm) == (FULL_LENGTH, 5.0)
    assert [t.name for t in schedule.troubles] == ["slow", "500s", "killed", "hanging", "joining"]
    for earlier, later in itertools.pairwise(schedule.troubles):
        assert earlier.end < later.start
    assert all(schedule.mode(replica, 4.9) == HEALTHY for replica in range(FIRST_REPLICAS))


def test_a_replica_is_in_its_trouble_exactly_from_start_to_end():
    schedule = Schedule()
    for trouble in schedule.troubles:
        assert schedule.mode(trouble.replica, trouble.start) == trouble.mode
        assert schedule.mode(trouble.replica, trouble.end) == HEALTHY
    assert not schedule.mode(2, 20.0).listening


def test_the_joining_replica_neither_listens_nor_is_announced_before_its_time():
    schedule = Schedule()
    joining = schedule.troubles[-1]
    before = joining.start - 0.001
    assert not schedule.mode(joining.replica, before).listening
    assert schedule.announced(before) == list(range(FIRST_REPLICAS))
    assert schedule.announced(joining.start) == list(range(REPLICAS))
    assert schedule.announced(20.0) == list(range(FIRST_REPLICAS))  # a dead replica stays announced


def test_the_changes_lead_every_replica_through_its_modes():
    schedule = Schedule(seconds=90)
    modes = {replica: schedule.mode(replica, 0.0) for replica in range(REPLICAS)}
    for change in schedule.changes():
        modes[change.replica] = change.mode
        assert modes == {replica: schedule.mode(replica, change.at) for replica in range(REPLICAS)}
        assert schedule.news(change.at) == change.words != ""


def test_another_length_stretches_the_times():
    full, double = Schedule(), Schedule(seconds=2 * FULL_LENGTH)
    assert [t.start for t in double.troubles] == [2 * t.start for t in full.troubles]
    assert double.calm == 10.0
