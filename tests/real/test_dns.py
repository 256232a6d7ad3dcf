"""Discovery against a real DNS server, whose zone changes while services are watched."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from meshlib.discovery import watch
from meshlib.discovery.config import parse_source
from meshlib.discovery.dns import DnsLookup
from meshlib.discovery.lookup import LookupFailed
from meshlib.endpoint import Endpoints, first_set
from meshlib.runtime.sync import SyncRuntime, complete
from tests.real.knot import Knot

runtime = SyncRuntime()


def until(condition: Callable[[], bool], seconds: float) -> None:
    pause, end = threading.Event(), runtime.now() + seconds
    while not condition():
        assert runtime.now() < end, "it did not come about"
        pause.wait(0.05)


def found(lookup: DnsLookup) -> tuple[list[str], float | None]:
    answer = asyncio.run(lookup.resolve())
    assert lookup.resolve_blocking(2.0) == answer
    return [host for host, _ in answer.entries], answer.ttl


def test_addresses_aliases_ttls_and_errors(knot: Knot) -> None:
    server = f"127.0.0.1:{knot.port}"
    knot.set("pay", "A", "127.0.0.2", "127.0.0.1", ttl=20)
    knot.set("pay", "AAAA", "::1", ttl=9)
    knot.set("alias", "CNAME", "pay", ttl=7)
    knot.set("text", "TXT", "x")
    assert found(DnsLookup("pay.mesh.test", server)) == (["127.0.0.1", "127.0.0.2", "::1"], 9.0)
    assert found(DnsLookup("alias.mesh.test.", server)) == (["127.0.0.1", "127.0.0.2", "::1"], 7.0)
    assert found(DnsLookup("text.mesh.test", server))[0] == []
    with pytest.raises(LookupFailed, match="NXDOMAIN"):
        found(DnsLookup("nowhere.mesh.test", server))
    with pytest.raises(LookupFailed, match="REFUSED"):
        found(DnsLookup("other.zone", server))


def test_an_answer_too_long_for_a_datagram_comes_whole(knot: Knot) -> None:
    everybody = [f"10.1.0.{n + 1}" for n in range(100)]
    knot.set("fleet", "A", *everybody)
    ips, _ = found(DnsLookup("fleet.mesh.test", f"127.0.0.1:{knot.port}"))
    assert sorted(ips) == sorted(everybody)


@pytest.mark.realtime
def test_a_changed_zone_reaches_the_service_and_an_outage_does_not(knot: Knot) -> None:
    knot.set("pay", "A", "127.0.0.1", ttl=1)
    endpoints = Endpoints()
    watched = watch(
        parse_source(f"dns://127.0.0.1:{knot.port}/pay.mesh.test:80"), endpoints, service="pay", emit=lambda event: None
    )
    assert watched is not None

    def names() -> list[str]:
        return [e.name for e in endpoints.current.endpoints] if endpoints.current else []

    try:
        complete(first_set(endpoints, runtime, 5.0))
        assert names() == ["127.0.0.1:80"]
        knot.set("pay", "A", "127.0.0.1", "127.0.0.2", ttl=1)
        until(lambda: names() == ["127.0.0.1:80", "127.0.0.2:80"], 7.0)  # a TTL of 1 s is taken for 5
        knot.set("pay", "A")
        threading.Event().wait(7.0)
        assert names() == ["127.0.0.1:80", "127.0.0.2:80"]
        knot.set("pay", "A", "127.0.0.3", ttl=1)
        until(lambda: names() == ["127.0.0.3:80"], 12.0)
    finally:
        watched.close()
