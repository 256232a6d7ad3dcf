"""The pybreaker side: listeners, what is done by hand, factories."""

import gc
import logging
from typing import Any

import httpx
import pybreaker
import pytest

from meshlib.errors import CircuitOpen
from meshlib.testing.behaviour import HEALTHY, Behaviour
from tests.layers.breaker.scene import DOWN, behave, fail, states, until_due
from tests.simulation.rig import one


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


def test_a_factory_may_give_the_same_breaker_again_for_an_endpoint_that_was_away() -> None:
    ours, users = Recorder(), Recorder()
    kept = pybreaker.CircuitBreaker(fail_max=5, reset_timeout=60, listeners=[users])
    client = one(1, retry=False, breaker={"factory": lambda name: kept, "listeners": [ours]})
    behave(client, Behaviour(status=503, after=0.001))
    for _ in range(5):
        fail(client, 1)
        there = client.endpoints
        client.context.endpoints.publish([], client.clock.now())
        client.context.endpoints.publish([there[0].address], client.clock.now() + 61)
        client.clock.advance(61)
        assert client.endpoints[0] is not there[0]
        del there
        gc.collect()
    fail(client, 1)
    assert len(kept.listeners) <= 4  # theirs, ours, and those that watch for endpoints which are still remembered
    assert len(ours.told) == len(users.told) == 6


def test_a_factory_that_fails_costs_no_call(caplog: pytest.LogCaptureFixture) -> None:
    for factory in (lambda name: 1 / 0, lambda name: "no breaker"):
        client = one(1, retry=False, breaker={"factory": factory})
        behave(client, DOWN)
        fail(client)
        assert client.endpoints[0].gate.state == "open"
    assert "breaker.factory failed for 10.0.0.1:80" in caplog.text
    assert "breaker.factory returned a str" in caplog.text
