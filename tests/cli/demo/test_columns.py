"""The columns are fair: the same service over the same DNS answer, and each does with a failure what the page says."""

import asyncio
from collections import Counter

import httpx
import pytest

from meshlib.cli.demo.columns import SERVICE, Tries, open_column
from meshlib.testing.dns import DnsServer
from meshlib.testing.server import Fleet, Mode


@pytest.fixture
def fleet():
    with Fleet(3, first=21) as running:
        yield running


@pytest.fixture
def dns(fleet):
    with DnsServer() as running:
        running.set(SERVICE, "A", fleet.hosts)
        yield running


def calls(column, fleet, dns, method, count):
    """Statuses (or errors' names) and attempts of so many calls, as a set: DNS answers come in any order."""

    async def story():
        found = []
        async with open_column(column, fleet.port, dns.port) as opened:
            for number in range(count):
                tries = Tries()
                try:
                    response = await opened.call(method, {"X-Request-Id": f"{method}-{number}"}, tries)
                    found.append((response.status_code, tries.count))
                except httpx.HTTPError as error:
                    found.append((type(error).__name__, tries.count))
        return Counter(found)

    return asyncio.run(story())


@pytest.mark.parametrize("column", ["bare", "careful", "mesh"])
def test_every_column_reaches_every_replica_and_asks_for_the_service_by_name(column, fleet, dns):
    assert calls(column, fleet, dns, "GET", 40) == {(200, 1): 40}
    assert all(server.requests > 0 for server in fleet.servers)
    hosts = {request.headers["host"].partition(":")[0] for server in fleet.servers for request in server.received}
    assert hosts == {SERVICE}


@pytest.mark.parametrize("column", ["bare", "careful"])
def test_the_others_take_turns(column, fleet, dns):
    calls(column, fleet, dns, "GET", 9)
    assert [server.requests for server in fleet.servers] == [3, 3, 3]


def test_bare_httpx_tries_once(fleet, dns):
    fleet[0].mode, fleet[1].mode = Mode.fail(500), Mode.refuse()
    assert calls("bare", fleet, dns, "GET", 3) == dict.fromkeys([(500, 1), ("ConnectError", 1), (200, 1)], 1)


def test_careful_httpx_retries_a_get_on_the_next_replica_and_never_a_post(fleet, dns):
    fleet[0].mode, fleet[1].mode = Mode.fail(500), Mode.refuse()
    assert calls("careful", fleet, dns, "GET", 3) == dict.fromkeys([(200, 3), (200, 2), (200, 1)], 1)
    assert calls("careful", fleet, dns, "POST", 3) == dict.fromkeys([(500, 1), ("ConnectError", 1), (200, 1)], 1)


def test_careful_httpx_gives_the_last_outcome_when_its_three_attempts_failed(fleet, dns):
    fleet[0].mode, fleet[1].mode, fleet[2].mode = Mode.fail(500), Mode.refuse(), Mode.fail(503)
    assert calls("careful", fleet, dns, "GET", 3) == dict.fromkeys([(503, 3), (500, 3), ("ConnectError", 3)], 1)


def test_meshlib_has_nothing_set_but_its_deadline_and_counts_its_attempts(fleet, dns):
    fleet[0].mode, fleet[1].mode = Mode.fail(503), Mode.refuse()
    found = calls("mesh", fleet, dns, "GET", 40)
    assert {status for status, _ in found} == {200}
    attempts = sum(number * times for (_, number), times in found.items())
    assert attempts > 40  # it met a bad replica, and counted that
    assert attempts >= fleet.requests
    for server in fleet.servers:
        server.mode = Mode.hang()
    assert calls("mesh", fleet, dns, "POST", 1) == {("DeadlineExceeded", 1): 1}
    assert fleet.executions["POST-0"] == 1
