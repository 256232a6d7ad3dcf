"""The breaker in a whole chain over a simulated fleet."""

import logging
from random import Random
from typing import Any

import httpx
import pybreaker
import pytest

from meshlib.errors import CircuitOpen
from meshlib.events import BreakerChanged, PanicChanged, WouldHave
from meshlib.testing.behaviour import HEALTHY, Behaviour
from meshlib.testing.virtual import Task
from tests.simulation.rig import Client, names, one

DOWN = Behaviour(status=503, after=0.001)
HANGS = Behaviour(fate="hang")
REFUSES = Behaviour(fate="refuse")


def states(client: Client) -> list[str]:
    return [event.state for event in client.of(BreakerChanged)]


def behave(client: Client, behaviour: Behaviour, *numbers: int) -> None:
    for number in numbers or range(len(client.fleet.replicas)):
        client.fleet.replicas[names(number + 1)[-1]].behaviour = behaviour


def fail(client: Client, times: int = 5, **kw: Any) -> None:
    for _ in range(times):
        try:
            client.get(**kw)
        except httpx.TransportError:
            pass


def until_due(client: Client) -> None:
    """Let time pass until the (only) open endpoint is due for its trial."""
    client.clock.advance(max(e.gate.machine.until for e in client.context.endpoints.open) - client.clock.now() + 1e-6)


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

    from meshlib.pipeline import build

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


class Recorder(pybreaker.CircuitBreakerListener):
    def __init__(self, *, raises: bool = False) -> None:
        self.told: list[Any] = []
        self.raises = raises

    def state_change(self, cb: Any, old_state: Any, new_state: Any) -> None:
        self._tell(("state", old_state.name, new_state.name))

    def failure(self, cb: Any, exc: BaseException) -> None:
        self._tell(("failure", type(exc).__name__))

    def success(self, cb: Any) -> None:
        self._tell(("success",))

    def _tell(self, what: Any) -> None:
        self.told.append(what)
        if self.raises:
            raise RuntimeError("a listener that raises")


def test_pybreaker_listeners_are_told_and_one_that_raises_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    broken, sound = Recorder(raises=True), Recorder()
    client = one(1, retry=False, breaker={"listeners": [broken, sound]})
    behave(client, DOWN)
    with caplog.at_level(logging.ERROR, "meshlib"):
        fail(client)
    assert sound.told == [("failure", "HTTPStatusError")] * 5 + [("state", "closed", "open")]
    assert broken.told == sound.told
    assert client.endpoints[0].gate.circuit.breaker.current_state == "open"
    assert client.endpoints[0].gate.state == "open"
    assert "a listener of a breaker failed" in caplog.text
    behave(client, HEALTHY)
    until_due(client)
    client.get()
    assert sound.told[6:] == [("state", "open", "half-open"), ("success",), ("state", "half-open", "closed")]
    assert client.endpoints[0].gate.circuit.breaker.current_state == "closed"


def test_a_listener_added_later_that_raises_leaves_the_circuit_open_too(caplog: pytest.LogCaptureFixture) -> None:
    client = one(1, retry=False)
    behave(client, DOWN)
    fail(client, 1)
    client.endpoints[0].gate.circuit.breaker.add_listener(Recorder(raises=True))
    fail(client, 4)
    assert client.endpoints[0].gate.circuit.breaker.current_state == "open"
    assert "failed in pybreaker" in caplog.text


def test_what_an_operator_does_by_hand_is_noticed_and_reported() -> None:
    client = one(1, retry=False)
    behave(client, DOWN)
    fail(client)
    breaker = client.endpoints[0].gate.circuit.breaker
    behave(client, HEALTHY)
    breaker.close()
    assert client.get().status_code == 200
    breaker.open()
    with pytest.raises(CircuitOpen):
        client.get()
    assert states(client) == ["open", "closed", "open"]
    until_due(client)
    assert client.get().status_code == 200
    assert breaker.current_state == "closed"


def test_a_factory_gives_each_endpoint_its_breaker_whose_own_thresholds_hold() -> None:
    made: dict[str, pybreaker.CircuitBreaker] = {}
    inside = Recorder(raises=True)

    def factory(name: str) -> pybreaker.CircuitBreaker:
        made[name] = pybreaker.CircuitBreaker(
            fail_max=2, reset_timeout=60, success_threshold=2, listeners=[inside], exclude=[httpx.ReadError], name=name
        )
        return made[name]

    client = one(1, retry=False, breaker={"factory": factory})
    behave(client, Behaviour(fate="reset", after=0.001))
    fail(client, 5)
    assert made["10.0.0.1:80"].current_state == "closed"  # excluded by the user's breaker
    behave(client, DOWN)
    fail(client, 2)
    assert made["10.0.0.1:80"].current_state == "open"
    assert 45.0 <= client.endpoints[0].gate.machine.opened_for <= 75.0
    behave(client, HEALTHY)
    until_due(client)
    client.get()
    assert made["10.0.0.1:80"].current_state == "half-open"
    client.get()
    assert made["10.0.0.1:80"].current_state == "closed"


def test_a_factory_that_fails_costs_no_call(caplog: pytest.LogCaptureFixture) -> None:
    for factory in (lambda name: 1 / 0, lambda name: "no breaker"):
        client = one(1, retry=False, breaker={"factory": factory})
        behave(client, DOWN)
        fail(client)
        assert client.endpoints[0].gate.state == "open"
    assert "breaker.factory failed for 10.0.0.1:80" in caplog.text
    assert "breaker.factory returned a str" in caplog.text


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
