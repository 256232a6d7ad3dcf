"""What a forked child forgets because only its parent can finish it, and what it draws anew."""

from __future__ import annotations

import inspect
import threading
from random import Random
from typing import Any

import pybreaker
import pytest

import meshlib
from meshlib.endpoint import Address, Endpoints
from meshlib.layers.balance.config import Balance
from meshlib.layers.balance.fleet import Fleet
from meshlib.layers.breaker.circuit import Circuit
from meshlib.layers.breaker.policy import Input, Machine, Rules, State
from meshlib.runtime.dice import dice
from meshlib.testing.server import FaultServer, Mode
from tests.process.program import in_a_child
from tests.ways import busy, eventually

RULES = Rules(5, 1.0, 10, 30.0, 1.0, 1.0)


def published(count: int) -> Endpoints:
    endpoints = Endpoints()
    endpoints.publish([Address("127.0.0.1", 1000 + n) for n in range(count)], 0.0)
    return endpoints


@pytest.mark.realtime
def test_what_is_in_flight_in_the_parent_is_not_in_the_child() -> None:
    with FaultServer(mode=Mode.drip_body(0.01)) as server:
        mesh = meshlib.Mesh({"payment-service": meshlib.Service(f"static://{server.address}")})
        with meshlib.Client(mesh=mesh, trust_env=False) as client:
            thread = threading.Thread(target=client.get, args=("http://payment-service/",))
            thread.start()
            response = client.send(client.build_request("GET", "http://payment-service/"), stream=True)
            assert eventually(lambda: busy(mesh) == 2)

            def passes() -> bool:
                if busy(mesh) != 0:
                    return False
                response.close()  # begun in the parent: counts nowhere here, and takes nothing away
                other = client.send(client.build_request("GET", "http://payment-service/"), stream=True)
                counted = busy(mesh)
                other.close()
                return counted == 1 and busy(mesh) == 0

            assert in_a_child(passes)
            response.close()
            thread.join()
            assert busy(mesh) == 0


def test_a_trial_of_the_parent_does_not_keep_the_child_waiting() -> None:
    machine = Machine(RULES)
    for _ in range(5):
        machine.failed(0.0, machine.free, Random(1))
    trial = machine.lease(10.0, None)
    assert trial is not None
    assert machine.lease(10.0, None) is None

    def passes() -> bool:
        own = machine.lease(10.0, None)
        parents = machine.succeeded(10.0, trial)
        return own is not None and not parents and machine.succeeded(10.0, own) and machine.state is State.CLOSED

    assert in_a_child(passes)
    assert machine.lease(10.0, None) is None
    assert machine.succeeded(10.0, trial)


def test_a_second_chance_that_is_out_in_the_parent_is_given_again_in_the_child() -> None:
    endpoints = published(2)
    fleet = Fleet(Balance(), endpoints)
    resting = fleet.resting
    assert endpoints.current is not None
    endpoint = endpoints.current.endpoints[0]
    resting.failed(endpoint, 0.0, 5.0, timed_out=False)
    assert resting.chance(6.0, lambda _: True, bounded=True) is endpoint
    assert in_a_child(lambda: resting.next < 6.0 and resting.chance(6.0, lambda _: True, bounded=True) is endpoint)
    assert resting.chance(6.0, lambda _: True, bounded=True) is None


@pytest.mark.parametrize("settings", [Balance(), Balance(policy="round_robin", subset=False)], ids=["subset", "round"])
def test_siblings_do_not_all_begin_with_the_same_endpoints(settings: Balance, tmp_path: Any) -> None:
    endpoints = published(200)
    fleet = Fleet(settings, endpoints)

    def begin() -> str:
        assert endpoints.current is not None
        members = fleet.see(endpoints.current, dice)
        return " ".join(sorted(e.name for e in members)) + fleet.pick(members, 100.0, dice).name

    drawn = {begin()}
    for number in range(3):
        path = tmp_path / str(number)
        assert in_a_child(lambda path=path: path.write_text(begin()) > 0)  # type: ignore[misc]
        drawn.add(path.read_text())
    assert len(drawn) > 1


def test_a_child_forgets_who_was_changing_a_circuit() -> None:
    circuit, machine, changing, enough = (
        Circuit.make("a", RULES, ()),
        Machine(RULES),
        threading.Event(),
        threading.Event(),
    )

    class Slow(pybreaker.CircuitBreakerListener):
        def state_change(self, cb: Any, old_state: Any, new_state: Any) -> None:
            changing.set()
            enough.wait(10)

    circuit.breaker.add_listener(Slow())
    machine.force(Input.FORCED_OPEN)
    thread = threading.Thread(target=circuit.follow, args=(machine,))
    thread.start()
    assert changing.wait(10)

    def passes() -> bool:
        enough.set()
        return circuit.follow(machine) == [State.OPEN] and circuit.breaker.current_state == "open"

    assert in_a_child(passes), "pybreaker's own lock was held by the other thread"
    enough.set()
    thread.join()


def test_canary_pybreaker_keeps_its_lock_where_we_adopt_it() -> None:
    breaker = pybreaker.CircuitBreaker()
    assert type(breaker._lock) is type(threading.RLock())
    assert "with self._lock" in inspect.getsource(pybreaker.CircuitBreaker.open)
