from random import Random

import pytest

from meshlib.endpoint import Address, Endpoint
from meshlib.layers.balance.policy import penalty, ramp, subset, thinned


def endpoints(count: int, added_at: float | None = None) -> tuple[Endpoint, ...]:
    return tuple(Endpoint(Address(f"10.0.{n // 250}.{n % 250}", 80), added_at) for n in range(count))


@pytest.mark.parametrize(
    ("seconds", "repel", "counts"),
    [
        (0.001, 0.0, 5.0),
        (7.0, 0.0, 7.0),
        (0.001, 60.0, 60.0),
        (0.001, 2.0, 2.0),
        (0.001, 9999.0, 300.0),
        (400.0, 0, 300),
    ],
)
def test_a_failure_counts_as_five_seconds_or_what_it_took_or_asked_for(
    seconds: float, repel: float, counts: float
) -> None:
    assert penalty(seconds, repel) == counts


def test_slow_start_rises_from_a_tenth_to_all() -> None:
    assert [ramp(age, 30.0) for age in (0.0, 3.0, 15.0, 30.0, 99.0)] == [0.1, 0.1, 0.5, 1.0, 1.0]


def test_an_endpoint_takes_part_as_often_as_its_share_says(rng: Random) -> None:
    old, (new,) = endpoints(4), endpoints(1, added_at=100.0)
    picks = [thinned((*old, new), 115.0, 30.0, rng) for _ in range(4000)]
    assert all(set(old) <= set(pick) for pick in picks)
    assert 0.45 < sum(new in pick for pick in picks) / 4000 < 0.55


def test_a_fleet_of_new_endpoints_only_is_used(rng: Random) -> None:
    new = endpoints(2, added_at=100.0)
    assert all(thinned(new, 100.0, 30.0, rng) for _ in range(200))


def test_a_subset_has_its_size_keeps_the_order_and_is_the_same_every_time() -> None:
    fleet = endpoints(200)
    chosen = subset(fleet, 32, seed=7)
    assert len(chosen) == 32
    assert list(chosen) == [e for e in fleet if e in chosen]
    assert subset(fleet, 32, seed=7) == chosen
    assert subset(fleet, 32, seed=8) != chosen


def test_an_endpoint_that_goes_moves_one_place_of_the_subset_only() -> None:
    fleet = endpoints(200)
    chosen = subset(fleet, 32, seed=7)
    without = subset([e for e in fleet if e is not chosen[5]], 32, seed=7)
    assert len(set(chosen) - set(without)) == 1


def test_subsets_of_many_processes_load_everybody() -> None:
    fleet = endpoints(100)
    load = dict.fromkeys(fleet, 0)
    for seed in range(200):
        for endpoint in subset(fleet, 32, seed):
            load[endpoint] += 1
    assert min(load.values()) > 64 * 0.6  # 64 on average
    assert max(load.values()) < 64 * 1.5
