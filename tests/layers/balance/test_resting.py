import asyncio
import threading
from math import inf

import pytest

from meshlib.layers.balance.resting import Resting
from meshlib.testing.behaviour import HEALTHY, Behaviour
from tests.layers.balance.test_policy import endpoints
from tests.simulation.rig import one

ENDPOINT, OTHER = endpoints(2)


def anybody(endpoint: object) -> bool:
    return True


def test_one_second_chance_when_the_rest_is_over() -> None:
    resting = Resting()
    assert resting.next == inf
    resting.failed(ENDPOINT, 0.0, 5.0, timed_out=False)
    assert resting.next == 5.0
    assert resting.chance(4.9, anybody, bounded=True) is None
    assert resting.chance(5.0, anybody, bounded=True) is ENDPOINT
    assert resting.chance(5.0, anybody, bounded=True) is None
    assert resting.next == inf


def test_each_chance_that_fails_doubles_the_rest_and_a_good_answer_ends_it() -> None:
    resting, now, rests = Resting(), 0.0, []
    for _ in range(8):
        resting.failed(ENDPOINT, now, 5.0, timed_out=False)
        rests.append(resting.next - now)
        now = resting.next
        assert resting.chance(now, anybody, bounded=True) is ENDPOINT
    assert rests == [5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0]
    assert resting.came_back(ENDPOINT)
    resting.failed(ENDPOINT, now, 5.0, timed_out=False)
    assert resting.next == now + 5.0


def test_failures_that_come_together_are_one_rest() -> None:
    resting = Resting()
    for moment in range(5):
        resting.failed(ENDPOINT, moment * 0.1, 5.0, timed_out=False)
    assert resting.next == pytest.approx(5.4)


def test_an_answer_to_an_attempt_from_before_the_failure_does_not_end_the_rest() -> None:
    resting = Resting()
    resting.failed(ENDPOINT, 0.0, 5.0, timed_out=False)
    assert not resting.came_back(ENDPOINT)
    assert resting.next == 5.0


def test_after_a_timeout_only_an_attempt_with_a_limit_is_sent() -> None:
    resting = Resting()
    resting.failed(ENDPOINT, 0.0, 5.0, timed_out=True)
    assert resting.chance(5.0, anybody, bounded=False) is None
    assert resting.chance(5.0, anybody, bounded=True) is ENDPOINT


def test_what_cannot_be_used_keeps_its_chance_and_who_has_gone_is_forgotten() -> None:
    resting = Resting()
    resting.failed(ENDPOINT, 0.0, 5.0, timed_out=False)
    assert resting.chance(5.0, lambda endpoint: False, bounded=True) is None
    assert resting.next == 5.0
    resting.keep([OTHER])
    assert resting.next == inf


def test_whoever_is_asked_whether_it_can_be_used_may_take_his_time() -> None:
    resting = Resting()
    resting.failed(ENDPOINT, 0.0, 5.0, timed_out=False)
    resting.failed(OTHER, 0.0, 5.0, timed_out=False)

    def usable(endpoint: object) -> bool:  # a breaker's listener that sends a request of its own, say
        other = threading.Thread(target=resting.failed, args=(OTHER, 5.0, 5.0), kwargs={"timed_out": False})
        other.start()
        other.join(2.0)
        assert not other.is_alive()
        resting.keep([ENDPOINT])
        return True

    assert resting.chance(5.0, usable, bounded=True) is ENDPOINT
    assert resting.chance(5.0, anybody, bounded=True) is None


def test_a_chance_whose_attempt_was_cancelled_comes_again() -> None:
    client = one(4)
    bad = client.fleet.replicas["10.0.0.1:80"]
    bad.behaviour = Behaviour(status=503, after=0.001)
    while not bad.received:
        client.get()
    bad.behaviour = Behaviour(fate="hang")
    client.clock.advance(5.0)
    before = bad.received
    task = client.clock.spawn(client.send())
    client.clock.advance(0.001)
    assert bad.received == before + 1
    task.cancel(asyncio.CancelledError())
    bad.behaviour = HEALTHY
    client.clock.advance(5.1)
    client.get()
    assert bad.received == before + 2


def test_an_endpoint_that_left_before_its_attempt_failed_does_not_rest() -> None:
    client = one(2)
    bad = client.fleet.replicas["10.0.0.1:80"]
    bad.behaviour = Behaviour(fate="reset", after=1.0)
    tasks = [client.clock.spawn(client.send()) for _ in range(8)]
    client.clock.advance(0.5)
    endpoints_ = client.context.endpoints
    endpoints_.publish([e.address for e in client.endpoints if e.name != "10.0.0.1:80"], client.clock.now())
    client.get()
    client.clock.advance(2.0)
    assert all(task.result().status_code == 200 for task in tasks)
    assert bad.received > 0
    assert client.context.state("balance", dict).resting.next == inf


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_only_a_call_that_can_be_repeated_tries_an_endpoint_out(method: str) -> None:
    client = one(4)
    bad = client.fleet.replicas["10.0.0.1:80"]
    bad.behaviour = Behaviour(status=503, after=0.001)
    while not bad.received:
        client.get()
    client.clock.advance(5.0)
    before = bad.received
    assert client.get(method=method).status_code == 200
    assert bad.received == before + (method == "GET")


def test_one_failure_does_not_keep_an_endpoint_out_for_a_minute() -> None:
    client = one(4)
    bad = client.fleet.replicas["10.0.0.1:80"]
    bad.behaviour = Behaviour(status=503, after=0.001)
    while not bad.received:
        client.get()
    bad.behaviour = HEALTHY
    client.clock.advance(5.0)
    before = bad.received
    for _ in range(100):
        client.get()
    assert bad.received - before > 10


@pytest.mark.parametrize(
    ("size", "failed", "left"),
    [(5, 1, 4), (5, 2, 3), (5, 3, 5), (2, 1, 1), (2, 2, 2), (1, 1, 1), (3, 1, 2), (3, 2, 3)],
)
def test_those_that_rest_are_left_out_but_never_more_than_half_of_all(size: int, failed: int, left: int) -> None:
    resting, members = Resting(), endpoints(size)
    for endpoint in members[:failed]:
        resting.failed(endpoint, 0.0, 5.0, timed_out=False)
    assert len(resting.available(members, members, 1.0)) == left
    assert len(resting.available(members, members, 5.0)) == size  # the rest is over
    assert list(resting.available(members[:failed], members, 1.0)) == list(members[:failed])  # rather them than nobody


@pytest.mark.parametrize("seed", range(5))
def test_no_post_meets_one_of_two_that_failed(seed: int) -> None:
    """The cheaper of two bad endpoints is a bad one: two draws of five meet both once in ten, and a POST was lost."""
    client = one(5, seed=seed)
    bad = client.endpoints[:2]
    for endpoint in bad:
        client.fleet.at(0.0, endpoint.name, Behaviour(status=500, after=0.001))
    while not all(endpoint.load and endpoint.load.value(client.clock.now()) > 1.0 for endpoint in bad):
        client.get()
    assert [client.get(method="POST").status_code for _ in range(100)] == [200] * 100


def test_an_endpoint_that_comes_back_while_another_thread_picks_harms_nobody() -> None:
    """`available` reads without the lock; an entry may be gone between two of its steps."""

    class Vanishing(dict):
        def __contains__(self, key: object) -> bool:
            return True  # it was there a moment ago

    resting, members = Resting(), endpoints(3)
    resting._rests = Vanishing()
    assert list(resting.available(members, members, 0.0)) == list(members)
