"""One source over minutes, in virtual time: no set is ever lost, and it recovers by itself."""

import asyncio
import gc
import logging
from collections.abc import Callable

import pytest

from meshlib.discovery.lookup import Answer, LookupFailed
from meshlib.discovery.poller import Poller
from meshlib.events import DiscoveryFailed
from meshlib.testing.virtual import VirtualRuntime
from tests.discovery.scripted import Scripted, Service, hosts, raising

MINUTE = 60.0
FAILURES = {
    "NXDOMAIN": raising(LookupFailed("NXDOMAIN")),
    "SERVFAIL": raising(LookupFailed("SERVFAIL")),
    "empty": hosts(),
    "garbage": hosts("169.254.169.254", "not an address"),
    "crash": raising(ZeroDivisionError("a bug")),
    "cancelled": raising(asyncio.CancelledError()),
}


def started(runtime: VirtualRuntime, source: Scripted, *services: Service) -> Poller:
    poller = Poller(source)
    for service in services:
        service.watch.heard = True
        poller.add(service.watch, runtime.now())
    runtime.spawn(poller.supervise(runtime, lambda: False))
    return poller


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_ten_minutes_of_failure_lose_no_set_and_end_without_a_restart(
    failure: Callable[[], Answer], caplog: pytest.LogCaptureFixture
) -> None:
    runtime, service, source = VirtualRuntime(seed=7), Service(), Scripted(hosts("10.0.0.1", "10.0.0.2", ttl=5))
    started(runtime, source, service)
    runtime.advance(1.0)
    before = service.endpoints.current
    source.behaviour = failure
    for _ in range(600):
        runtime.advance(1.0)
        assert service.endpoints.fresh(runtime.now()) is before
    assert any(isinstance(e, DiscoveryFailed) for e in service.events)
    lines = [r for r in caplog.records if r.levelno >= logging.WARNING]
    assert 1 <= len(lines) <= 61  # one in ten seconds
    assert "keeps its last good endpoints" in lines[0].getMessage()
    source.behaviour = hosts("10.0.0.3", ttl=5)
    runtime.advance(60.0)
    assert service.names == ["10.0.0.3:8080"]


def test_a_source_that_flaps_every_second_never_leaves_the_service_without_endpoints() -> None:
    runtime, service = VirtualRuntime(), Service()
    answers = [hosts("10.0.0.1"), hosts(), raising(LookupFailed("SERVFAIL")), hosts("10.0.0.2"), FAILURES["NXDOMAIN"]]
    source = Scripted(answers[0])
    started(runtime, source, service)
    runtime.advance(0.0)
    for second in range(600):
        source.behaviour = answers[second % len(answers)]
        runtime.advance(1.0)
        assert service.names in (["10.0.0.1:8080"], ["10.0.0.2:8080"])


def test_before_the_first_answer_retries_are_quick_for_calls_wait() -> None:
    runtime, service, source = VirtualRuntime(), Service(), Scripted(raising(LookupFailed("SERVFAIL")))
    started(runtime, source, service)
    runtime.advance(1.0)
    assert source.asked >= 4
    runtime.advance(MINUTE)
    source.behaviour = hosts("10.0.0.1")
    runtime.advance(1.0)
    assert service.names == ["10.0.0.1:8080"]


@pytest.mark.parametrize(("ttl", "least", "most"), [(1, 5.0, 5.5), (5, 5.0, 5.5), (20, 20.0, 22.0), (None, 30.0, 33.0)])
def test_one_query_per_clamped_ttl(ttl: float | None, least: float, most: float) -> None:
    runtime, source = VirtualRuntime(), Scripted(hosts("10.0.0.1", ttl=ttl))
    started(runtime, source, service := Service())
    runtime.advance(10 * MINUTE)
    assert 600 / most <= source.asked <= 600 / least + 1
    assert service.endpoints.current is not None
    assert service.endpoints.current.version == 1  # the same answer is no new set, but it counts as an answer
    assert service.endpoints.current.at == 0.0
    assert service.endpoints.answered_at is not None
    assert runtime.now() - service.endpoints.answered_at <= most


def test_a_hundred_services_cost_the_queries_of_one_and_each_has_its_port() -> None:
    runtime, source = VirtualRuntime(), Scripted(hosts("10.0.0.1", ttl=5))
    services = [Service(f"system://pay:{8000 + n}") for n in range(100)]
    poller = started(runtime, source, *services)
    runtime.advance(1.0)
    assert source.asked == 1
    late = Service("system://pay:9000")
    poller.add(late.watch, runtime.now())
    assert source.asked == 1
    assert [s.names for s in services] == [[f"10.0.0.1:{8000 + n}"] for n in range(100)]
    assert late.names == ["10.0.0.1:9000"]


def test_a_crash_is_reported_and_the_source_started_again_with_growing_pauses() -> None:
    runtime, service, source = VirtualRuntime(), Service(), Scripted(FAILURES["crash"])
    started(runtime, source, service)
    runtime.advance(0.0)
    assert source.asked == 1
    assert service.events == [DiscoveryFailed(0.0, "pay", "the source crashed: ZeroDivisionError('a bug')")]
    runtime.advance(10 * MINUTE)
    assert 10 <= source.asked <= 25  # 1, 2, 4 ... 60 s, each halved at most
    source.behaviour = hosts("10.0.0.1")
    runtime.advance(MINUTE)
    assert service.names == ["10.0.0.1:8080"]


def test_polling_ends_when_the_last_service_is_removed_and_at_once() -> None:
    runtime, source = VirtualRuntime(), Scripted(hosts("10.0.0.1", ttl=5))
    first, second = Service(), Service()
    poller = Poller(source)
    for service in (first, second):
        poller.add(service.watch, 0.0)
    task = runtime.spawn(poller.follow(runtime))
    runtime.advance(1.0)
    assert not poller.remove(first.watch)
    runtime.advance(MINUTE)
    assert not task.done
    assert poller.remove(second.watch)
    runtime.settle()
    assert task.done


def test_services_that_are_dropped_end_the_polling() -> None:
    runtime, source, service = VirtualRuntime(), Scripted(hosts("10.0.0.1", ttl=5)), Service()
    poller = Poller(source)
    poller.add(service.watch, 0.0)
    task = runtime.spawn(poller.follow(runtime))
    runtime.advance(1.0)
    del service
    gc.collect()
    runtime.advance(MINUTE)
    assert task.done
    assert source.asked == 1
