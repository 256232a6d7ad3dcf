"""However an attempt ends, and whenever: what the breaker makes of it."""

from random import Random
from typing import Any

import httpx
import pytest

from meshlib.errors import CircuitOpen
from meshlib.pipeline import build
from meshlib.testing.behaviour import HEALTHY, Behaviour
from meshlib.testing.virtual import Task
from tests.layers.breaker.scene import DOWN, HANGS, behave, fail, states, until_due
from tests.simulation.rig import one


def test_4xx_501_and_cancellation_are_no_failures() -> None:
    client = one(1, retry=False)
    for status in (400, 404, 429, 499, 501, 505):
        behave(client, Behaviour(status=status, after=0.001))
        fail(client, 20)
    behave(client, HANGS)
    for _ in range(20):
        task = client.clock.spawn(client.send())
        client.clock.advance(0.01)
        task.cancel(KeyboardInterrupt())
        client.clock.settle()
        assert task.done
    assert client.endpoints[0].gate is None
    assert client.endpoints[0].in_flight == 0


def test_a_cancelled_trial_gives_its_lease_back() -> None:
    client = one(1, retry=False)
    behave(client, DOWN)
    fail(client)
    behave(client, HANGS)
    until_due(client)
    trial = client.clock.spawn(client.send())
    client.clock.advance(0.01)
    with pytest.raises(CircuitOpen):
        client.get()
    trial.cancel(KeyboardInterrupt())
    client.clock.settle()
    behave(client, HEALTHY)
    assert client.get().status_code == 200
    assert states(client) == ["open", "half_open", "closed"]


def test_a_trial_that_a_layer_between_stops_gives_its_lease_back() -> None:
    client = one(1, retry=False)
    behave(client, DOWN)
    fail(client)
    behave(client, HEALTHY)
    until_due(client)

    class Refuses:
        name = "refuses"

        async def handle(self, inner: Any, attempt: Any) -> Any:
            raise httpx.LocalProtocolError("not this one")

    usual, client.chain = client.chain, build(client.context, [(Refuses(), "above", "breaker")])
    with pytest.raises(httpx.LocalProtocolError):
        client.get()
    client.chain = usual
    assert client.get().status_code == 200


def test_a_slow_success_from_before_the_opening_does_not_close_it() -> None:
    client = one(1, retry=False)
    behave(client, Behaviour(after=3.0))
    slow = client.clock.spawn(client.send())
    client.clock.advance(0.01)
    behave(client, DOWN)
    fail(client)
    client.clock.advance(3.0)
    assert slow.done
    assert slow.result().status_code == 200
    assert client.endpoints[0].gate.state == "open"


def test_a_streamed_body_that_breaks_is_charged_to_the_endpoint() -> None:
    client = one(1, retry=False)
    held: list[Any] = []

    async def transmit(attempt: Any) -> Any:
        held.append(attempt)
        return httpx.Response(200, request=attempt.request)

    for _ in range(10):
        client.get(stream=True, transmit=transmit)
        held[-1].release(httpx.ReadError("cut short"))
    assert client.endpoints[0].gate.state == "open"
    assert client.endpoints[0].in_flight == 0


def test_ten_thousand_random_endings_wedge_no_breaker_and_leave_nothing_in_flight(rng: Random) -> None:
    """Answers, failures, 4xx, cancellations and attempts dropped without an end, on three endpoints and on one."""
    for endpoints in (1, 3):
        client = one(endpoints, retry=False, attempt={"timeout": 1.0})
        fates = [HEALTHY, DOWN, HANGS, Behaviour(status=404), Behaviour(fate="reset", after=0.01)]

        forgotten: list[Any] = []

        async def dropped(attempt: Any, forgotten: list[Any] = forgotten) -> Any:
            forgotten.append(attempt)
            return httpx.Response(200, request=attempt.request)

        tasks: list[Task[Any]] = []
        for turn in range(5000):
            behave(client, fates[int(rng.random() * len(fates))], int(rng.random() * endpoints))
            kw = {"transmit": dropped, "stream": True} if turn % 50 == 0 else {}
            tasks.append(client.clock.spawn(client.send(**kw)))
            client.clock.advance(rng.expovariate(5.0))
            if rng.random() < 0.2 and not tasks[-1].done:
                tasks[-1].cancel(KeyboardInterrupt())
                client.clock.settle()
        behave(client, HEALTHY)
        client.clock.advance(400.0)
        for _ in range(50 * endpoints):
            assert client.get().status_code == 200
            client.clock.advance(1.0)
        assert client.context.endpoints.open == ()
        refused = (CircuitOpen,) if endpoints == 1 else ()  # several endpoints never refuse all together
        expected = (KeyboardInterrupt, httpx.ReadTimeout, httpx.ReadError, *refused)
        assert all(task.error is None or isinstance(task.error, expected) for task in tasks)
        assert sum(e.in_flight for e in client.endpoints) == len(forgotten)
        for attempt in forgotten:
            attempt.release()
            attempt.release()
        assert sum(e.in_flight for e in client.endpoints) == 0
