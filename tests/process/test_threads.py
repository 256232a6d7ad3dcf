"""Many threads and one client: every count is exact, with threads that change places as often as they can."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

import meshlib
from meshlib.endpoint import Address, Endpoint, Endpoints
from meshlib.journal import journal
from meshlib.layers.breaker.policy import Machine, Rules
from meshlib.runtime.signal import Signal
from meshlib.stats.ewma import PeakEwma
from meshlib.stats.token_bucket import TokenBucket
from meshlib.testing.server import FaultServer, Mode, Request
from tests.ways import busy

THREADS = 64


def at_once(work: Callable[[int], Any], threads: int = 8) -> list[Any]:
    """What `work(number)` returned in each of `threads` threads that begin together."""
    together, found, errors = threading.Barrier(threads), [None] * threads, []

    def run(number: int) -> None:
        together.wait()
        try:
            found[number] = work(number)
        except BaseException as error:
            errors.append(error)

    running = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert errors == []
    return found


def flaky(request: Request) -> Mode:
    """One target in ten fails at first sight."""
    if request.target.endswith("0") and request.target not in _seen:
        _seen.add(request.target)
        return Mode.fail(503)
    return Mode(body=request.target.encode())


_seen: set[str] = set()


def hammer(threads: int, each: int) -> None:
    _seen.clear()
    with FaultServer(mode=flaky) as one, FaultServer(mode=flaky) as other:
        service = meshlib.Service(
            f"static://{one.address},{other.address}", retry={"budget": False, "backoff": 0.0}, breaker=False
        )
        mesh = meshlib.Mesh({"payment-service": service})
        with meshlib.Client(mesh=mesh, trust_env=False, timeout=30) as client:

            def work(number: int) -> int:
                attempts = 0
                for turn in range(each):
                    target = f"/{number}-{turn}"
                    response = client.get("http://payment-service" + target)
                    assert (response.status_code, response.text) == (200, target)
                    attempts += len(journal(response).attempts)  # type: ignore[union-attr]
                return attempts

            journaled = sum(at_once(work, threads))
            assert journaled == one.requests + other.requests
            assert journaled == threads * each + len(_seen)
            assert busy(mesh) == 0


@pytest.mark.realtime
def test_sixty_four_threads_share_a_client_and_every_count_agrees(switching: None) -> None:
    hammer(THREADS, 15)


@pytest.mark.soak
def test_sixty_four_threads_share_a_client_for_long(switching: None) -> None:
    hammer(THREADS, 1000)


def test_in_flight_counts_are_exact(switching: None) -> None:
    endpoint, kept = Endpoint(Address("127.0.0.1", 80)), 7

    def work(number: int) -> None:
        for _ in range(3000):
            endpoint.busy.append(None)
            endpoint.busy.pop()
        endpoint.busy.extend([None] * kept)

    at_once(work)
    assert endpoint.in_flight == 8 * kept


def test_a_budget_gives_as_many_tokens_as_it_has(switching: None) -> None:
    bucket = TokenBucket(1000.0, 0.5, 0.0)
    taken = sum(at_once(lambda number: sum(bucket.take(0.0) for _ in range(500))))
    assert taken == 1000

    def credit(number: int) -> None:
        for _ in range(100):
            bucket.credit()

    at_once(credit)
    assert bucket.level(0.0) == 8 * 100 * 0.5


def test_an_estimate_loses_no_sample(switching: None) -> None:
    """Samples of one moment leave the highest of them: a lost update may lose that one."""
    for _ in range(20):
        load = PeakEwma(10.0)

        def work(number: int, load: PeakEwma = load) -> list[bool]:
            return [load.observe(0.0, 0.001 * (8 * turn + number)) for turn in range(1, 101)]

        firsts = [first for found in at_once(work) for first in found]
        assert firsts.count(True) == 1
        assert load.estimate == 0.001 * (8 * 100 + 7)


def test_a_breaker_opens_once_and_leases_one_trial(switching: None) -> None:
    for _ in range(20):
        machine = Machine(Rules(5, 1.0, 10, 30.0, 1.0, 1.0))
        opened = at_once(lambda number, m=machine: sum(m.failed(0.0, m.free, _Dice()) for _ in range(50)))  # type: ignore[misc]
        assert sum(opened) == 1
        trials = at_once(lambda number, m=machine: m.lease(10.0, None))  # type: ignore[misc]
        assert sum(trial is not None for trial in trials) == 1


class _Dice:
    def random(self) -> float:
        return 0.5


def test_a_signal_wakes_everybody_once_however_late_they_come(switching: None) -> None:
    for _ in range(50):
        signal, woken = Signal(), []

        def work(number: int, signal: Signal = signal, woken: list[int] = woken) -> None:
            if number == 0:
                signal.set()
            else:
                signal.subscribe(lambda: woken.append(number))

        at_once(work)
        assert sorted(woken) == list(range(1, 8))


def test_snapshots_of_endpoints_are_numbered_without_a_gap(switching: None) -> None:
    endpoints, told = Endpoints(), []
    endpoints.changed = lambda added, removed: told.append((added, removed))

    def work(number: int) -> None:
        for turn in range(50):
            endpoints.publish([Address("127.0.0.1", 1 + (number + turn) % 5)], 0.0)

    at_once(work)
    assert endpoints.current is not None
    assert endpoints.current.version == 8 * 50
    assert len(endpoints.current.endpoints) == 1
