"""Two services on one address, with a certificate each: no request ever travels on the other's connection.

httpx's pool knows connections by scheme, host and port alone: where a name is dialled by address, with `sni_hostname`,
whoever was verified first answers for everybody.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import anyio
import httpx
import pytest
import trustme

import meshlib
from tests.acceptance.serving import serving
from tests.acceptance.tls_pair import TlsPair
from tests.ways import Face, Way, busy, each_way

SERVICES = ("payment-service", "audit-service")
REQUESTS, AT_ONCE = 1000, 8


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def pair(ca: trustme.CA) -> Iterator[TlsPair]:
    with serving(TlsPair(ca, SERVICES)) as running:
        yield running


def trusting(ca: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    ca.configure_trust(context)
    return context


def mesh_of(pair: TlsPair, *names: str) -> meshlib.Mesh:
    """Without breakers, so that every handshake that fails is seen."""
    return meshlib.Mesh({name: {"discovery": f"static://{pair.address}", "breaker": False} for name in names})


def urls(rng: Random, count: int) -> list[str]:
    """Of either service; a third of them are answered by a redirect to the other or to itself."""
    return [
        f"https://{rng.choice(SERVICES)}/{rng.choice(('', '', 'to/' + rng.choice(SERVICES)))}" for _ in range(count)
    ]


async def answers(client: Face, wanted: list[str]) -> list[Any]:
    """Get all of them, several at once, by threads or by tasks."""
    if client.way.sync:
        with ThreadPoolExecutor(AT_ONCE) as threads:
            return list(threads.map(lambda url: client.client.get(url, follow_redirects=True), wanted))
    found: list[Any] = []
    todo = iter(wanted)

    async def work() -> None:
        for url in todo:
            found.append(await client.get(url, follow_redirects=True))

    async with anyio.create_task_group() as tasks:
        for _ in range(AT_ONCE):
            tasks.start_soon(work)
    return found


@each_way
def test_of_1000_requests_none_is_on_the_others_connection(
    way: Way, ca: trustme.CA, pair: TlsPair, rng: Random
) -> None:
    mesh = mesh_of(pair, *SERVICES)

    async def scenario(client: Face) -> None:
        found = await answers(client, urls(rng, REQUESTS))
        assert len(found) == REQUESTS
        for response in found:
            for each in (*response.history, response):
                told = each.json()
                assert each.url.host == told["host"] == told["certificate"] == told["sni"]
        assert {len(response.history) for response in found} == {0, 1}
        assert [busy(mesh, name) for name in SERVICES] == [0, 0]
        assert pair.made <= 2 * 2 * AT_ONCE  # they were used again and again, so they could have been mixed up

    way.run(scenario, mesh=mesh, verify=trusting(ca))


@each_way
def test_a_service_whose_certificate_is_not_there_never_gets_an_answer(way: Way, ca: trustme.CA, pair: TlsPair) -> None:
    """Idle connections to the same address, verified for another name, are at hand all the time."""
    mesh = mesh_of(pair, *SERVICES, "billing-service")

    async def scenario(client: Face) -> None:
        for _ in range(5):
            await answers(client, urls(Random(1), 4))
            outcome = await client.outcome("get", "https://billing-service/")
            assert isinstance(outcome, way.hx.ConnectError)
        redirected = await client.outcome("get", "https://payment-service/to/billing-service", follow_redirects=True)
        assert isinstance(redirected, way.hx.ConnectError)
        assert busy(mesh, "billing-service") == 0

    way.run(scenario, mesh=mesh, verify=trusting(ca))


def test_bare_httpx_answers_in_the_others_name(ca: trustme.CA, pair: TlsPair) -> None:
    """A name dialled by its address, as every recipe does it."""
    with httpx.Client(verify=trusting(ca), trust_env=False) as client:
        for service in SERVICES:
            headers = {"Host": service}
            told = client.get(f"https://{pair.address}/", headers=headers, extensions={"sni_hostname": service}).json()
        assert (told["host"], told["certificate"]) == ("audit-service", "payment-service")
