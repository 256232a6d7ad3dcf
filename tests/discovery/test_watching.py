"""Services on the real control loop: single flight, one thread for all, and an end when nobody wants them."""

import gc
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from meshlib.discovery import policy, watch
from meshlib.discovery import process as module
from meshlib.discovery.config import parse_source
from meshlib.discovery.loop import ControlLoop
from meshlib.discovery.watching import Watch
from meshlib.endpoint import Endpoints, EndpointSet, first_set
from meshlib.events import DiscoveryFailed, EndpointsChanged, Event
from meshlib.runtime.sync import SyncRuntime, complete
from meshlib.testing.dns import DnsServer
from tests.discovery.scripted import Scripted, hosts

PATIENCE = 5.0  # seconds; far more than any step needs
runtime = SyncRuntime()


@pytest.fixture(autouse=True)
def loop(monkeypatch: pytest.MonkeyPatch) -> Iterator[ControlLoop]:
    """Each test has a control loop of its own, which has ended afterwards."""
    own = ControlLoop()
    monkeypatch.setattr(module.process, "loop", own)
    yield own
    own.stop()
    assert own._thread is None or not own._thread.is_alive()


@pytest.fixture
def server() -> Iterator[DnsServer]:
    with DnsServer() as running:
        yield running


class Service:
    def __init__(self, url: str, name: str = "pay") -> None:
        self.events: list[Event] = []
        self.endpoints = Endpoints()
        self.watch = watch(parse_source(url), self.endpoints, service=name, emit=self.events.append)

    def first(self, timeout: float = PATIENCE) -> list[str]:
        found: EndpointSet | None = complete(first_set(self.endpoints, runtime, timeout))
        return [e.name for e in found.endpoints] if found else []


def until(condition: Callable[[], bool]) -> None:
    done = threading.Event()
    for _ in range(int(PATIENCE * 200)):
        if condition():
            return
        done.wait(0.005)
    raise AssertionError("it did not come about")


def test_a_static_set_is_there_at_once_and_never_needs_a_thread(loop: ControlLoop) -> None:
    service = Service("static://10.0.0.1:80,unix:/run/pay.sock")
    assert service.first() == ["10.0.0.1:80", "unix:/run/pay.sock"]
    assert service.watch is None
    assert service.endpoints.start is None
    assert loop._thread is None
    [event] = service.events
    assert isinstance(event, EndpointsChanged)
    assert (event.service, event.added, event.removed) == ("pay", ("10.0.0.1:80", "unix:/run/pay.sock"), ())


def test_nothing_is_asked_before_the_first_call_needs_it(loop: ControlLoop, server: DnsServer) -> None:
    server.set("pay.test", "A", ["127.0.0.1"])
    service = Service(f"dns://{server.host}:{server.port}/pay.test:8080")
    assert loop._thread is None
    assert service.first() == ["127.0.0.1:8080"]
    assert server.queries == {("pay.test", "A"): 1, ("pay.test", "AAAA"): 1}


def test_a_hundred_services_and_a_thousand_callers_make_one_query_per_type(server: DnsServer) -> None:
    server.set("pay.test", "A", ["127.0.0.1"])
    url = f"dns://{server.host}:{server.port}/pay.test"
    services = [Service(f"{url}:{8000 + n}") for n in range(100)]
    for _ in range(10):
        for number, service in enumerate(services):
            assert service.first() == [f"127.0.0.1:{8000 + number}"]
    assert server.queries == {("pay.test", "A"): 1, ("pay.test", "AAAA"): 1}


def test_a_thousand_services_share_one_thread() -> None:
    before, source = threading.active_count(), Scripted(hosts("127.0.0.1"))
    services = [Service(f"dns://s{number}.test:80") for number in range(1000)]
    for service in services:
        assert service.watch is not None
        service.watch.lookup = source
        service.watch.start()
    assert all(service.first() == ["127.0.0.1:80"] for service in services)
    assert source.asked == 1000
    assert threading.active_count() <= before + 1


def test_system_sources_go_through_our_own_threads_and_the_loop_stays_free(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    hanging, real = threading.Event(), socket.getaddrinfo

    def getaddrinfo(host: str, *args: Any, **how: Any) -> Any:
        if host == "hangs.test":
            hanging.wait(PATIENCE)
        return real("localhost", *args, **how)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    stuck, other = Service("system://hangs.test:80"), Service("system://works.test:80")
    assert stuck.first(0.01) == []
    assert "127.0.0.1:80" in other.first()
    hanging.set()
    assert "127.0.0.1:80" in stuck.first()


def test_close_ends_the_queries_and_keeps_the_endpoints(loop: ControlLoop, server: DnsServer) -> None:
    server.set("pay.test", "A", ["127.0.0.1"])
    service = Service(f"dns://{server.host}:{server.port}/pay.test:80")
    service.first()
    assert service.watch is not None
    service.watch.close()
    until(lambda: not loop._pollers and not loop._tasks)
    assert service.first() == ["127.0.0.1:80"]
    assert not loop.watches()


def test_close_before_the_first_answer_lets_nobody_wait(server: DnsServer) -> None:
    server.fail("pay.test", "DROP")
    service = Service(f"dns://{server.host}:{server.port}/pay.test:80")
    assert service.watch is not None
    waiting = threading.Thread(target=service.first)
    waiting.start()
    service.watch.close()
    waiting.join(PATIENCE / 2)
    assert not waiting.is_alive()
    assert service.first() == []


def test_a_name_closed_and_wanted_again_is_asked_anew(loop: ControlLoop, server: DnsServer) -> None:
    server.set("pay.test", "A", ["127.0.0.1"])
    url = f"dns://{server.host}:{server.port}/pay.test:80"
    for _ in range(20):
        service = Service(url)
        assert service.first() == ["127.0.0.1:80"]
        assert service.watch is not None
        service.watch.close()
    assert server.queries["pay.test", "A"] == 20


def test_a_dropped_service_is_held_by_nothing(loop: ControlLoop, server: DnsServer) -> None:
    server.set("pay.test", "A", ["127.0.0.1"])
    service = Service(f"dns://{server.host}:{server.port}/pay.test:80")
    service.first()
    until(lambda: not loop._inbox)
    del service
    until(lambda: gc.collect() >= 0 and not loop.watches())


def test_a_failure_is_an_event_and_a_log_line_before_there_is_a_set(
    server: DnsServer, caplog: pytest.LogCaptureFixture
) -> None:
    service = Service(f"dns://{server.host}:{server.port}/nowhere.test:80")
    assert service.first(0.3) == []
    failed = [e for e in service.events if isinstance(e, DiscoveryFailed)]
    assert len(failed) >= 2  # it is asked again, quickly
    assert failed[0].error == "A: NXDOMAIN; AAAA: NXDOMAIN"
    [line] = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert line.startswith("service pay has no endpoints yet: dns://")
    server.set("nowhere.test", "A", ["127.0.0.1"])
    assert service.first() == ["127.0.0.1:80"]


def test_a_loop_that_breaks_is_started_again_and_takes_everything_up(
    loop: ControlLoop, server: DnsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy, "RESTART_BASE", 0.01)
    server.set("pay.test", "A", ["127.0.0.1"])
    service = Service(f"dns://{server.host}:{server.port}/pay.test:80")
    service.first()

    def broken() -> None:
        raise SystemExit

    server.set("pay.test", "A", ["127.0.0.2"])
    broken_loop = loop._loop
    assert broken_loop is not None
    broken_loop.call_soon_threadsafe(broken)
    until(lambda: service.first() == ["127.0.0.2:80"])


@pytest.fixture
def no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that forbids threads."""

    def refused(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A thread that starts and then never gets to run anything."""
    go = threading.Event()
    monkeypatch.setattr(ControlLoop, "_run", lambda self: go.wait(PATIENCE))
    yield
    go.set()


@pytest.mark.realtime
@pytest.mark.parametrize("broken", ["no_threads", "frozen"])
def test_without_a_living_loop_the_caller_resolves_within_250_ms_and_says_so_once(
    server: DnsServer,
    broken: str,
    request: pytest.FixtureRequest,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    request.getfixturevalue(broken)
    monkeypatch.setattr(Watch, "_warned", False)
    server.set("pay.test", "A", ["127.0.0.1"])
    service, other = (Service(f"dns://{server.host}:{server.port}/pay.test:{port}") for port in (80, 81))
    began = runtime.now()
    assert service.first() == ["127.0.0.1:80"]
    assert 0.25 <= runtime.now() - began < 0.75
    assert other.first() == ["127.0.0.1:81"]
    for _ in range(100):
        assert service.endpoints.fresh(runtime.now()) is service.endpoints.current
    assert server.queries["pay.test", "A"] == 2  # one for each service: nobody is there to share it
    [line] = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert "the control loop showed no sign of life for 250 ms" in line


@pytest.mark.realtime
def test_without_a_loop_a_set_is_looked_up_again_by_one_caller_when_its_ttl_has_passed(
    server: DnsServer, no_threads: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.set("pay.test", "A", ["127.0.0.1"], ttl=5)
    service = Service(f"dns://{server.host}:{server.port}/pay.test:80")
    service.first()
    now = runtime.now()
    assert service.endpoints.fresh(now + 4.0) is not None
    assert service.endpoints.fresh(now + 5.1) is None
    server.set("pay.test", "A", ["127.0.0.2"], ttl=5)
    monkeypatch.setattr(runtime, "now", lambda: now + 6.0)
    assert service.first() == ["127.0.0.2:80"]
    assert service.first() == ["127.0.0.2:80"]
    server.fail("pay.test", "SERVFAIL")
    monkeypatch.setattr(runtime, "now", lambda: now + 12.0)
    assert service.first() == ["127.0.0.2:80"]
    assert any(isinstance(e, DiscoveryFailed) for e in service.events)
    asked = server.queries["pay.test", "A"]
    assert service.first() == ["127.0.0.2:80"]
    assert server.queries["pay.test", "A"] == asked  # not before the back-off has passed


@pytest.mark.realtime
def test_when_the_loop_comes_to_life_it_takes_over(
    server: DnsServer, loop: ControlLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(threading.Thread, "start", raising)
        server.set("pay.test", "A", ["127.0.0.1"])
        service = Service(f"dns://{server.host}:{server.port}/pay.test:80")
        service.first()
        assert service.endpoints.stale_at < float("inf")
    service.first()
    until(lambda: service.endpoints.stale_at == float("inf"))


def raising(self: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")
