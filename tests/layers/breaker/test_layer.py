"""The breaker in a whole chain over a simulated fleet."""

from typing import Any

import httpx
import pytest

from meshlib.errors import CircuitOpen
from meshlib.events import PanicChanged, WouldHave
from meshlib.testing.behaviour import HEALTHY
from meshlib.testing.virtual import Task
from tests.layers.breaker.scene import DOWN, HANGS, REFUSES, behave, fail, states, until_due
from tests.simulation.rig import one


def test_an_endpoint_that_never_failed_has_no_breaker() -> None:
    client = one(3)
    for _ in range(20):
        client.get()
    assert [endpoint.gate for endpoint in client.endpoints] == [None, None, None]


def test_a_service_with_one_endpoint_is_refused_at_once_until_a_trial_succeeds() -> None:
    client = one(1, retry=False)
    behave(client, DOWN)
    fail(client)
    received = client.fleet.replicas["10.0.0.1:80"].received
    began = client.clock.now()
    with pytest.raises(CircuitOpen, match=r"10.0.0.1:80 has failed too often, and is tried again in \d.\d s") as caught:
        client.get()
    assert client.clock.now() == began
    assert (caught.value.layer, caught.value.flag) == ("breaker", "UO")
    assert isinstance(caught.value, httpx.TransportError)
    assert client.fleet.replicas["10.0.0.1:80"].received == received
    behave(client, HEALTHY)
    until_due(client)
    assert client.get().status_code == 200
    assert states(client) == ["open", "half_open", "closed"]


def test_1000_callers_of_a_single_endpoint_share_one_trial() -> None:
    client = one(1, retry=False)
    behave(client, DOWN)
    fail(client)
    behave(client, HEALTHY)
    until_due(client)
    before = client.fleet.replicas["10.0.0.1:80"].received

    async def crowd() -> list[Task[Any]]:
        tasks = [client.clock.spawn(client.send()) for _ in range(1000)]
        for task in tasks:
            while not task.done:
                await client.clock.sleep(0.01)
        return tasks

    tasks = client.clock.run(crowd())
    assert client.fleet.replicas["10.0.0.1:80"].received == before + 1
    assert [task for task in tasks if task.error is None] == tasks[:1]
    assert all("trial is under way" in str(task.error) for task in tasks[1:])


def test_one_of_several_is_left_out_and_the_others_serve() -> None:
    client = one(4, retry=False, balance={"policy": "round_robin"})
    behave(client, DOWN, 0)
    answers = [client.get().status_code for _ in range(40)]
    assert answers.count(503) == 5
    assert client.endpoints[0].gate.state == "open"


def test_calls_that_must_not_be_repeated_lose_at_most_the_trials() -> None:
    client = one(4)
    behave(client, DOWN, 0)
    outcomes = []
    for _ in range(3000):
        outcomes.append(client.get(method="POST").status_code)
    assert outcomes.count(503) <= 6


def test_the_trial_is_given_to_a_call_that_can_be_repeated_and_the_caller_notices_nothing() -> None:
    client = one(4)
    behave(client, DOWN, 0)
    while client.endpoints[0].gate is None or client.endpoints[0].gate.state == "closed":
        fail(client, 20)
    until_due(client)
    before = client.fleet.replicas["10.0.0.1:80"].received
    assert client.get().status_code == 200
    assert client.fleet.replicas["10.0.0.1:80"].received == before + 1
    assert states(client)[-2:] == ["half_open", "open"]


def test_after_a_good_trial_an_endpoint_gets_its_share_again_at_once() -> None:
    client = one(4, balance={"policy": "p2c_ewma"})
    behave(client, DOWN, 0)
    while client.endpoints[0].gate is None or client.endpoints[0].gate.state == "closed":
        client.clock.advance(10.0)
        fail(client, 20)
    behave(client, HEALTHY, 0)
    until_due(client)
    before = client.fleet.replicas["10.0.0.1:80"].received
    fail(client, 200)
    assert states(client)[-1] == "closed"
    assert client.fleet.replicas["10.0.0.1:80"].received - before >= 20  # an even share would be 50


@pytest.mark.parametrize("bound", [{"deadline": {"timeout": 1.0}}, {"attempt": {"timeout": 0.3}}], ids=str)
def test_a_hanging_endpoint_is_left_out_with_only_one_kind_of_limit(bound: dict[str, Any]) -> None:
    client = one(5, balance={"policy": "round_robin"}, **bound)
    behave(client, HANGS, 2)
    answers = [client.get().status_code for _ in range(60)]
    assert set(answers) == {200}
    assert client.endpoints[2].gate.state == "open"


def test_ten_endpoints_down_leave_five_out_in_the_order_they_opened_and_report_panic() -> None:
    client = one(10, retry=False, balance={"policy": "round_robin"})
    behave(client, DOWN)
    fail(client, 50)
    assert len(client.context.endpoints.open) == 10
    assert [e.gate.ejected for e in client.context.endpoints.open] == [True] * 5 + [False] * 5
    assert [(e.active, e.open_endpoints) for e in client.of(PanicChanged)] == [(True, 6)]
    before = {name: replica.received for name, replica in client.fleet.replicas.items()}
    fail(client, 50)
    asked = {name for name, replica in client.fleet.replicas.items() if replica.received > before[name]}
    assert asked == {e.name for e in client.context.endpoints.open[5:]}
    behave(client, HEALTHY)
    client.clock.advance(10.0)
    fail(client, 20)
    assert client.context.endpoints.open == ()
    assert client.of(PanicChanged)[-1].active is False


def test_two_endpoints_down_leave_one_in() -> None:
    client = one(2, retry=False)
    behave(client, REFUSES)
    for _ in range(100):
        with pytest.raises(httpx.ConnectError):
            client.get()


def test_an_endpoint_that_discovery_takes_away_counts_no_longer() -> None:
    client = one(4, retry=False, balance={"policy": "round_robin"})
    behave(client, DOWN, 0, 1, 2)
    fail(client, 60)
    assert len(client.context.endpoints.open) == 3
    for name in ("10.0.0.1:80", "10.0.0.2:80"):
        del client.fleet.replicas[name]
    client.publish()
    fail(client, 1)
    client.get()
    assert [e.name for e in client.context.endpoints.open] == ["10.0.0.3:80"]
    assert client.context.endpoints.open[0].gate.ejected
    assert {client.get().status_code for _ in range(10)} == {200}


def test_without_enforcement_it_decides_and_reports_but_does_not_act() -> None:
    client = one(1, retry=False, breaker={"enforce": False})
    behave(client, DOWN)
    answers = [client.get().status_code for _ in range(30)]
    assert answers == [503] * 30
    assert states(client) == ["open"]
    assert {event.action for event in client.of(WouldHave)} == {"refuse 10.0.0.1:80"}
    assert len(client.of(WouldHave)) == 25
    assert client.context.endpoints.open == ()


def test_a_service_whose_endpoints_are_unknown_is_one_endpoint() -> None:
    client = one(1, retry=False)
    client.context.endpoints.current = None

    async def transmit(attempt: Any) -> Any:
        return httpx.Response(503, request=attempt.request)

    for _ in range(5):
        assert client.get(transmit=transmit).status_code == 503
    with pytest.raises(CircuitOpen, match="payment-service has failed too often"):
        client.get(transmit=transmit)


def test_what_a_mock_answers_opens_nothing_unless_a_breaker_was_asked_for() -> None:
    for sections, opens in (({}, False), ({"breaker": {"min_calls": 10}}, True)):
        client = one(1, retry=False, **sections)
        behave(client, DOWN)
        fail(client, 10, mocked=lambda: True)
        assert (client.endpoints[0].gate is not None) is opens
