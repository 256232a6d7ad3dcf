"""The first call of a service, before discovery has answered."""

from typing import Any

import pytest

from meshlib.errors import DeadlineExceeded, NoEndpoints
from tests.simulation.rig import Client, one


def test_the_first_call_waits_for_the_first_snapshot_and_starts_discovery() -> None:
    client = one(2)
    started: list[float] = []
    endpoints = client.context.endpoints
    endpoints.__init__(start=lambda: started.append(client.clock.now()))
    task = client.clock.spawn(client.send())
    client.clock.advance(0.3)
    assert started == [0.0]
    client.publish()
    client.clock.advance(1.0)
    assert task.result().status_code == 200


def waiting(**sections: Any) -> Client:
    client = one(2, **sections)
    client.context.endpoints.__init__(start=lambda: None)
    return client


def test_without_an_answer_the_wait_ends_with_the_deadline() -> None:
    client = waiting(deadline={"timeout": 0.7})
    with pytest.raises(DeadlineExceeded, match="while payment-service was resolved") as caught:
        client.get()
    assert caught.value.layer == "balance"
    assert client.clock.now() == pytest.approx(0.7)


def test_or_with_the_connect_timeout() -> None:
    client = waiting()
    call = client.call()
    call.request.extensions["timeout"] = {"connect": 0.4}
    with pytest.raises(NoEndpoints, match=r"no endpoints of payment-service after 0.4 s"):
        client.clock.run(client.chain.handle(call))


def test_the_wait_for_the_first_snapshot_is_not_taken_from_an_attempts_share() -> None:
    client = waiting(deadline={"timeout": 1.0})
    call = client.call()
    task = client.clock.spawn(client.chain.handle(call))
    client.clock.advance(0.5)  # more than the third of a first attempt of three
    client.publish()
    client.clock.advance(0.4)
    assert task.result().status_code == 200
    assert call.attempts == 1


def test_an_empty_snapshot_is_no_endpoints() -> None:
    client = one(1)
    client.context.endpoints.publish([], 0.0)
    with pytest.raises(NoEndpoints, match="discovery knows no endpoint of payment-service") as caught:
        client.get()
    assert caught.value.flag == "UH"


def test_nor_from_a_configured_attempt_timeout_and_its_body() -> None:
    client = waiting(attempt={"timeout": 0.3}, deadline={"timeout": 2.0})
    limits: list[tuple[float | None, float | None]] = []
    send = client.fleet.transmit

    async def transmit(attempt: Any) -> Any:
        limits.append((attempt.deadline, attempt.body_deadline))
        return await send(attempt)

    task = client.clock.spawn(client.send(transmit=transmit))
    client.clock.advance(0.5)
    client.publish()
    client.clock.advance(1.0)
    assert task.result().status_code == 200
    assert limits == [(pytest.approx(0.8), pytest.approx(0.8))]


def test_without_a_deadline_an_attempt_timeout_does_not_cut_the_wait_short() -> None:
    client = waiting(attempt={"timeout": 0.3})
    call = client.call()
    call.request.extensions["timeout"] = {"connect": 5.0}
    task = client.clock.spawn(client.chain.handle(call))
    client.clock.advance(0.5)
    client.publish()
    client.clock.advance(0.4)
    assert task.result().status_code == 200
