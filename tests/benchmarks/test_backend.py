"""The server of our own answers as the cases rely on."""

import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
from benchmarks.servers.counters import connections
from benchmarks.servers.fleet import Fleet
from benchmarks.servers.own import own

pytestmark = pytest.mark.realtime


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    started = own(tmp_path, 2)
    yield started
    started.server.stop()


def seconds(connection: HTTPConnection, path: str) -> float:
    started = time.monotonic()
    connection.request("GET", path)
    assert connection.getresponse().read() == b'{"ok":true}\r\n'
    return time.monotonic() - started


def settled(fleet: Fleet, open_now: int) -> int:
    """How many were accepted when the server has seen all but `open_now` of them close."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        active, accepted = connections(fleet.status)
        if active == open_now:
            return accepted
    raise AssertionError(f"the server never counted {open_now} open connections")


def test_it_counts_connections_over_all_ports(fleet: Fleet) -> None:
    before = settled(fleet, 0)
    clients = [HTTPConnection(address) for address in fleet.addresses]
    for client in clients:
        seconds(client, "/charge")
        seconds(client, "/charge")
    accepted = connections(fleet.status)[1]
    settled(fleet, 2)
    for client in clients:
        client.close()
    assert accepted - before == 2 + 1  # and the one that asked


def test_it_delays_every_answer_or_only_a_connections_first(fleet: Fleet) -> None:
    client = HTTPConnection(fleet.addresses[0])
    assert seconds(client, "/first/50") >= 0.05
    assert seconds(client, "/first/5000") < 2.0
    assert seconds(client, "/delay/50") >= 0.05
    client.close()
