from collections import Counter
from itertools import pairwise
from math import log
from random import Random

import pytest

from meshlib.layers.balance.least_request import LeastRequest
from meshlib.layers.balance.p2c_ewma import P2cEwma
from meshlib.layers.balance.picker import Picker, draw_two
from meshlib.layers.balance.round_robin import RoundRobin
from meshlib.layers.balance.uniform import Uniform
from meshlib.stats.ewma import PeakEwma
from tests.layers.balance.test_policy import endpoints


def test_every_ordered_pair_is_equally_likely(rng: Random) -> None:
    fleet = endpoints(4)
    pairs = Counter(draw_two(fleet, rng) for _ in range(24_000))
    assert len(pairs) == 12
    assert all(one is not other for one, other in pairs)
    assert min(pairs.values()) > 1750
    assert max(pairs.values()) < 2250


def test_round_robin_asks_one_after_the_other() -> None:
    fleet = endpoints(5)
    picker = RoundRobin(fleet)
    picks = [fleet.index(picker.pick(fleet, 0.0, Random(1))) for _ in range(20)]
    assert all((after - before) % 5 == 1 for before, after in pairwise(picks))


def test_round_robin_processes_do_not_begin_in_step() -> None:
    fleet = endpoints(5)
    first = Counter(RoundRobin(fleet).pick(fleet, 0.0, Random(process)).name for process in range(200))
    assert len(first) == 5


def test_round_robin_among_some_takes_the_next_of_them() -> None:
    fleet = endpoints(5)
    picker, some = RoundRobin(fleet), [fleet[1], fleet[3]]
    picks = {picker.pick(some, 0.0, Random(1)) for _ in range(20)}
    assert picks == set(some)


def test_random_asks_everybody_equally(rng: Random) -> None:
    fleet = endpoints(5)
    picks = Counter(Uniform().pick(fleet, 0.0, rng) for _ in range(10_000))
    assert min(picks.values()) > 1800
    assert max(picks.values()) < 2200


@pytest.mark.parametrize("picker", [LeastRequest(), P2cEwma(lambda now: 0.0)], ids=["least_request", "p2c_ewma"])
def test_without_latencies_the_less_busy_of_two_is_taken(picker: Picker, rng: Random) -> None:
    busy, idle = endpoints(2)
    busy.busy.extend([None, None])
    assert {picker.pick((busy, idle), 0.0, rng) for _ in range(50)} == {idle}


@pytest.mark.parametrize("picker", [LeastRequest(), P2cEwma(lambda now: 0.0)], ids=["least_request", "p2c_ewma"])
def test_the_fullest_bin_of_two_choices_stays_within_the_theorem(picker: Picker, rng: Random) -> None:
    """m balls in n bins: m/n + log2 log n + a small constant (Azar, Broder, Karlin and Upfal; Berenbrink et al.)."""
    for balls_per_bin in (1, 20):
        fleet = endpoints(256)
        for _ in range(256 * balls_per_bin):
            picker.pick(fleet, 0.0, rng).busy.append(None)
        assert max(len(e.busy) for e in fleet) <= balls_per_bin + log(log(256)) / log(2) + 2
    fleet = endpoints(256)
    for _ in range(256 * 20):
        Uniform().pick(fleet, 0.0, rng).busy.append(None)
    assert max(len(e.busy) for e in fleet) > 20 + log(log(256)) / log(2) + 2  # one choice does not


def test_a_share_follows_the_formula_for_one_slow_endpoint_of_n(rng: Random) -> None:
    """An endpoint that loses every comparison is never asked: the two that are drawn are different."""
    fleet = endpoints(5)
    for endpoint in fleet:
        endpoint.load = PeakEwma(10.0)
        endpoint.load.observe(0.0, 0.02)
    fleet[0].load.observe(0.0, 5.0)
    picker = P2cEwma(lambda now: 0.02)
    picks = Counter(picker.pick(fleet, 0.0, rng) for _ in range(10_000))
    assert picks[fleet[0]] == 0
    # Ties go to the first of a pair. Each of four healthy ones: drawn first against an equal (1/5 * 3/4), or with the
    # slow one (2/20): 1/4 altogether.
    assert all(2300 < picks[endpoint] < 2700 for endpoint in fleet[1:])


def test_what_is_unknown_counts_as_typical_so_that_a_new_endpoint_that_hangs_is_no_sink(rng: Random) -> None:
    known, new = endpoints(2)
    known.load, new.load = PeakEwma(10.0), PeakEwma(10.0)
    known.load.observe(0.0, 0.02)
    picker = P2cEwma(lambda now: 0.02)
    first = picker.pick((known, new), 0.0, rng)
    first.busy.append(None)
    new.busy.extend([None] * 3)
    assert {picker.pick((known, new), 0.0, rng) for _ in range(20)} == {known}


def test_the_penalty_of_an_endpoint_that_nobody_asks_fades_until_it_is_asked_again(rng: Random) -> None:
    good, bad = endpoints(2)
    good.load, bad.load = PeakEwma(10.0), PeakEwma(10.0)
    bad.load.observe(0.0, 5.0)
    picker, now = P2cEwma(lambda now: 0.02), 0.0
    while picker.pick((good, bad), now, rng) is good:
        good.load.observe(now, 0.02)
        now += 0.1
    assert 40.0 < now < 65.0  # 10 s * ln(5 / 0.02) = 55 s


def test_a_single_endpoint_needs_no_dice() -> None:
    fleet = endpoints(1)
    for picker in (LeastRequest(), P2cEwma(lambda now: 0.0), Uniform(), RoundRobin(fleet)):
        assert picker.pick(fleet, 0.0, Random(1)) is fleet[0]
