"""The balancer in a whole chain over a simulated fleet."""

import threading
from collections import Counter
from typing import Any

import httpx
import pytest

from meshlib.call import Call, Flow
from meshlib.config import load
from meshlib.endpoint import Address, Endpoints
from meshlib.errors import DeadlineExceeded
from meshlib.journal import Journal
from meshlib.layer import Context
from meshlib.library import httpx_library
from meshlib.pipeline import build
from meshlib.runtime.sync import SyncRuntime, complete
from meshlib.testing.behaviour import HEALTHY, Behaviour
from tests.simulation.rig import SERVICE, Client, names, one

DOWN = Behaviour(status=503, after=0.001)


def loads(client: Client) -> list[float]:
    return [endpoint.load.value(client.clock.now()) for endpoint in client.endpoints]


def order(call: Call) -> list[str]:
    return [attempt.endpoint for attempt in call.flow.journal.attempts]


async def hop(client: Client, **kw: Any) -> Call:
    call = client.call(**kw)
    await client.chain.handle(call)
    return call


def test_every_endpoint_gets_its_share() -> None:
    client = one(5)
    for _ in range(1000):
        client.get()
    assert min(replica.received for replica in client.fleet.replicas.values()) > 100


def test_a_retry_goes_to_endpoints_that_were_not_tried_and_then_to_the_least_recently_tried() -> None:
    client = one(3, retry={"max_attempts": 7, "backoff": 0.01, "budget": False}, breaker=False)
    for replica in client.fleet.replicas.values():
        replica.behaviour = DOWN
    asked = order(client.clock.run(hop(client)))
    assert sorted(asked[:3]) == names(3)
    assert asked == (asked[:3] * 3)[:7]


def test_in_flight_counts_from_the_pick_to_the_release() -> None:
    client = one(1)
    held: list[Any] = []

    async def transmit(attempt: Any) -> Any:
        assert attempt.endpoint.in_flight == 1
        held.append(attempt)
        return httpx.Response(200, request=attempt.request)

    client.get(stream=True, transmit=transmit)
    assert client.endpoints[0].in_flight == 1
    held[0].release()
    held[0].release(httpx.ReadError("late"))
    assert client.endpoints[0].in_flight == 0


@pytest.mark.parametrize("fate", ["answer", "refuse", "reset", "hang"])
def test_in_flight_returns_to_zero_however_an_attempt_ends(fate: Any) -> None:
    client = one(2, deadline={"timeout": 1.0})
    for replica in client.fleet.replicas.values():
        replica.behaviour = Behaviour(fate=fate)
    try:
        client.get()
    except httpx.TransportError:
        pass
    assert [endpoint.in_flight for endpoint in client.endpoints] == [0, 0]


def test_a_user_layer_below_that_raises_leaves_nothing_in_flight() -> None:
    class Refuses:
        name = "refuses"

        async def handle(self, inner: Any, attempt: Any) -> Any:
            raise KeyError("a bug of the user's")

    client = one(2)
    client.chain = build(client.context, [(Refuses(), "below", "balance")])
    with pytest.raises(KeyError):
        client.get()
    assert [endpoint.in_flight for endpoint in client.endpoints] == [0, 0]


def test_threads_together_lose_no_count() -> None:
    settings = load(services={SERVICE: {}}, environ={}).settings(SERVICE)
    context = Context(SERVICE, settings, Endpoints(), lambda event: None)
    context.endpoints.publish([Address(f"10.0.0.{n}", 80) for n in range(3)], 0.0)
    chain, runtime = build(context), SyncRuntime()

    async def transmit(attempt: Any) -> Any:
        if attempt.call.request.url.path.endswith("7"):
            raise httpx.ReadError("reset")
        attempt.release()
        return httpx.Response(200, request=attempt.request)

    def work() -> None:
        for number in range(300):
            call = Call(
                httpx.Request("POST", f"http://{SERVICE}/{number}"),
                service=SERVICE,
                flow=Flow(Journal(0.0), None, False),
                runtime=runtime,
                library=httpx_library(),
                transmit=transmit,
            )
            try:
                complete(chain.handle(call))
            except httpx.TransportError:
                pass

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert context.endpoints.current is not None
    assert [endpoint.in_flight for endpoint in context.endpoints.current.endpoints] == [0, 0, 0]


def test_latency_is_measured_to_the_headers_and_a_failure_counts_as_seconds() -> None:
    client = one(1, retry=False)
    replica = client.fleet.replicas["10.0.0.1:80"]
    replica.behaviour = Behaviour(after=0.25)
    client.get()
    assert loads(client) == [pytest.approx(0.25)]
    replica.behaviour = DOWN
    client.get()
    assert loads(client) == [5.0]


def test_429_and_503_repel_for_the_time_they_ask_for() -> None:
    for status in (429, 503):
        client = one(2, retry=False)
        behaviour = Behaviour(status=status, after=0.001, headers={"retry-after": "60"})
        client.fleet.replicas["10.0.0.1:80"].behaviour = behaviour
        for _ in range(40):
            client.get()
        assert client.fleet.replicas["10.0.0.1:80"].received == 1
        assert loads(client)[0] > 50.0


def test_a_body_that_breaks_after_the_headers_is_charged_then() -> None:
    client = one(1, retry=False)
    held: list[Any] = []

    async def transmit(attempt: Any) -> Any:
        held.append(attempt)
        await client.clock.sleep(0.02)
        return httpx.Response(200, request=attempt.request)

    client.get(stream=True, transmit=transmit)
    assert loads(client) == [pytest.approx(0.02)]
    held[0].release(httpx.ReadError("cut short"))
    assert loads(client) == [5.0]


def test_a_cancelled_attempt_counts_only_if_it_already_outlasted_the_estimate() -> None:
    client = one(1)
    client.fleet.replicas["10.0.0.1:80"].behaviour = Behaviour(after=0.1)
    client.get()
    client.fleet.replicas["10.0.0.1:80"].behaviour = Behaviour(fate="hang")
    for waits, expected in ((0.05, 0.1), (0.5, 0.5)):
        before = loads(client)[0]
        task = client.clock.spawn(client.send())
        client.clock.advance(waits)
        task.cancel(KeyboardInterrupt())
        client.clock.settle()
        assert loads(client)[0] == pytest.approx(expected, rel=0.1)
        assert before <= 0.1


def test_an_attempt_with_less_time_than_the_service_takes_charges_nobody() -> None:
    client = one(1, retry=False)
    client.fleet.replicas["10.0.0.1:80"].behaviour = Behaviour(after=0.1)
    client.get()
    for _ in range(10):
        call = client.call(deadline=client.clock.now() + 0.05)
        with pytest.raises(DeadlineExceeded):
            client.clock.run(client.chain.handle(call))
    assert client.endpoints[0].gate is None
    assert loads(client)[0] <= 0.1


def test_a_new_endpoint_is_eased_in_and_those_of_the_first_snapshot_are_not() -> None:
    client = one(4, balance={"slow_start": "30s", "policy": "random"})
    for _ in range(200):
        client.get()
    assert min(replica.received for replica in client.fleet.replicas.values()) > 25
    client.fleet.add("10.0.0.9:80")
    client.publish()
    new = client.fleet.replicas["10.0.0.9:80"]
    began, shares = client.clock.now(), []
    for _ in range(3):
        before = new.received
        for _ in range(600):
            client.clock.run(hop(client))
            client.clock.advance(max(0.0, 1 / 60 - 0.02))
        shares.append((new.received - before) / 600)
        client.clock.advance(0.0)
    assert client.clock.now() - began > 20
    assert shares[0] < 0.12
    assert shares == sorted(shares)


@pytest.mark.parametrize("policy", ["p2c_ewma", "round_robin", "random", "least_request"])
def test_every_policy_eases_a_new_endpoint_in(policy: str) -> None:
    client = one(4, balance={"policy": policy, "slow_start": 1000.0})
    client.get()
    client.fleet.add("10.0.0.9:80")
    client.publish()
    for _ in range(500):
        client.get()
    assert 0 < client.fleet.replicas["10.0.0.9:80"].received < 40  # an even share would be 100


def test_a_snapshot_keeps_what_was_learnt() -> None:
    client = one(3)
    for _ in range(50):
        client.get()
    before = [endpoint.load for endpoint in client.endpoints]
    client.publish()
    client.get()
    assert [endpoint.load for endpoint in client.endpoints] == before


def test_a_large_service_is_used_in_part_unless_told_otherwise() -> None:
    for count, subset, used in ((64, {}, 64), (65, {}, 32), (100, {"subset": 10}, 10), (100, {"subset": False}, 100)):
        client = one(count, balance={"policy": "round_robin", **subset})
        for _ in range(200):
            client.get()
        assert sum(1 for replica in client.fleet.replicas.values() if replica.received) == used
        assert client.context.endpoints.used is not None
        assert len(client.context.endpoints.used.endpoints) == used


def test_nothing_is_picked_where_the_wire_is_not_ours_or_there_is_no_discovery() -> None:
    seen: list[Any] = []

    async def transmit(attempt: Any) -> Any:
        seen.append(attempt.endpoint)
        return httpx.Response(200, request=attempt.request)

    client = one(3)
    client.get(transmit=transmit, pinned=False)
    client.context.endpoints.current = None
    client.get(transmit=transmit)
    assert seen == [None, None]


def test_round_robin_and_the_other_policies_are_what_is_configured() -> None:
    client = one(4, balance={"policy": "round_robin"})
    asked = [order(client.clock.run(hop(client)))[0] for _ in range(8)]
    assert asked[:4] == asked[4:]
    assert Counter(asked) == dict.fromkeys(names(4), 2)
    client.fleet.replicas[asked[0]].behaviour = HEALTHY
    assert "balance(policy=round_robin, slow_start=30.0, decay=10.0, subset=32)" in str(client.chain)
