"""The simulated wire behaves as the real one does where layers can tell."""

from typing import Any

import httpx
import pytest

from meshlib.testing.behaviour import Behaviour
from meshlib.testing.fleet import FleetSimulator
from meshlib.testing.script import new_call
from meshlib.testing.virtual import VirtualRuntime

NAME = "10.0.0.1:80"


@pytest.fixture
def clock() -> VirtualRuntime:
    return VirtualRuntime(1)


@pytest.fixture
def fleet(clock: VirtualRuntime) -> FleetSimulator:
    return FleetSimulator(clock, [NAME, "10.0.0.2:80"])


def attempt(clock: VirtualRuntime, deadline: float | None = None, **kw: Any) -> Any:
    return new_call(clock, url=f"http://{NAME}/x", deadline=deadline, **kw).new_attempt()


def test_an_answer_takes_its_time_and_releases_the_attempt(clock: VirtualRuntime, fleet: FleetSimulator) -> None:
    fleet.replicas[NAME].behaviour = Behaviour(status=404, after=0.5, headers={"x-a": "1"})
    one, released = attempt(clock, deadline=3.0), []
    one.deadline, one.body_deadline = 1.0, 3.0
    one.on_release(lambda attempt, error: released.append(error))
    response = clock.run(fleet.transmit(one))
    assert (response.status_code, response.headers["x-a"], clock.now()) == (404, "1", 0.5)
    assert (one.returned, one.sent, one.deadline, released) == (0.5, "all", 3.0, [None])
    assert fleet.executed == {"GET http://10.0.0.1/x": 1}


@pytest.mark.parametrize(
    ("behaviour", "error", "at", "sent", "executed"),
    [
        (Behaviour(fate="refuse"), httpx.ConnectError, 0.001, "nothing", 0),
        (Behaviour(fate="reset", after=0.03), httpx.ReadError, 0.03, "all", 1),
        (Behaviour(fate="hang"), httpx.ReadTimeout, 1.0, "all", 1),
        (Behaviour(after=5.0), httpx.ReadTimeout, 1.0, "all", 1),
    ],
)
def test_trouble_is_what_httpx_raises(
    clock: VirtualRuntime,
    fleet: FleetSimulator,
    behaviour: Behaviour,
    error: type[Exception],
    at: float,
    sent: str,
    executed: int,
) -> None:
    fleet.replicas[NAME].behaviour = behaviour
    one = attempt(clock, deadline=1.0)
    with pytest.raises(error):
        clock.run(fleet.transmit(one))
    assert (clock.now(), one.sent, fleet.replicas[NAME].executed) == (at, sent, executed)


def test_httpx_own_timeout_holds_without_a_deadline(clock: VirtualRuntime, fleet: FleetSimulator) -> None:
    fleet.replicas[NAME].behaviour = Behaviour(fate="hang")
    one = attempt(clock, extensions={"timeout": {"read": 2.5}})
    with pytest.raises(httpx.ReadTimeout):
        clock.run(fleet.transmit(one))
    assert clock.now() == 2.5


def test_faults_come_and_go_by_the_clock_and_by_their_share(clock: VirtualRuntime, fleet: FleetSimulator) -> None:
    fleet.at(1.0, NAME, Behaviour(status=503, after=0.0, share=0.5))
    assert clock.run(fleet.transmit(attempt(clock))).status_code == 200
    clock.advance(1.0)
    answers = [clock.run(fleet.transmit(attempt(clock))).status_code for _ in range(200)]
    assert 60 < answers.count(503) < 140
    assert fleet.share(NAME) == 1.0


def test_a_replica_can_join(clock: VirtualRuntime, fleet: FleetSimulator) -> None:
    assert fleet.add("10.0.0.3:80") is fleet.replicas["10.0.0.3:80"]
    assert [str(address) for address in fleet.addresses()] == [NAME, "10.0.0.2:80", "10.0.0.3:80"]
