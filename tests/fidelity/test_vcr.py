"""VCR records what meshlib sends, attempt by attempt, and plays it back when no server is there."""

from __future__ import annotations

from itertools import cycle

import pytest
import vcr
import yaml
from vcr.errors import CannotOverwriteExistingCassetteException

import meshlib
from meshlib.testing.server import FaultServer, Mode
from tests.ways import each_way

URL = "http://payment-service/charge"
CONFIGURED = {"backoff": 0.0}


@pytest.fixture
def address():
    """Of a server that answers every second request only, and is gone afterwards."""
    answers = cycle([Mode.fail(503), Mode(body=b'{"a": 1}')])
    with FaultServer(mode=lambda request: next(answers)) as server:
        yield server


def mesh_of(address, **settings):
    return meshlib.Mesh({"payment-service": {"discovery": f"static://{address}", "breaker": False, **settings}})


def statuses(cassette):
    return [entry["response"]["status"]["code"] for entry in yaml.safe_load(cassette.read_text())["interactions"]]


def makers(way, mesh):
    return {
        "made": lambda: way.new(mesh=mesh),
        "wrapped": lambda: meshlib.wrap(way.stock(), mesh=mesh),
        "transport": lambda: way.stock(transport=way.transport(mesh=mesh)),
    }


@each_way
@pytest.mark.parametrize("kind", ["made", "wrapped", "transport"])
def test_both_attempts_are_recorded_and_played_back(way, kind, tmp_path):
    cassette = tmp_path / "cassette.yaml"

    async def scenario(client):
        with vcr.use_cassette(str(cassette), record_mode="once") as running:
            response = await client.get(URL)
            assert (response.status_code, response.json()) == (200, {"a": 1})
            assert [a.outcome for a in meshlib.journal(response).attempts] == ["503", "200"]
            return running.play_count

    answers = cycle([Mode.fail(503), Mode(body=b'{"a": 1}')])
    with FaultServer(mode=lambda request: next(answers)) as server:
        mesh = mesh_of(server.address, retry=CONFIGURED)
        assert way.use(makers(way, mesh)[kind], scenario) == 0
        assert server.requests == 2
    assert statuses(cassette) == [503, 200]
    assert URL in cassette.read_text()
    assert way.use(makers(way, mesh_of("127.0.0.1:1", retry=CONFIGURED))[kind], scenario) == 2


@each_way
def test_a_cassette_of_stock_httpx_is_played_to_meshlib(way, tmp_path):
    """One 503 was recorded, and a retry that nobody configured does not ask for another."""
    cassette = tmp_path / "cassette.yaml"

    with FaultServer(mode=Mode.fail(503)) as server:
        url = server.url

        async def scenario(client):
            with vcr.use_cassette(str(cassette), record_mode="once"):
                return (await client.get(url)).status_code

        assert way.use(way.stock, scenario) == 503
        host = server.address
    assert (
        way.run(scenario, mesh=meshlib.Mesh({"payment-service": {"discovery": f"static://{host}", "hosts": [host]}}))
        == 503
    )


@each_way
def test_what_the_cassette_does_not_know_fails_the_test(way, tmp_path):
    cassette = tmp_path / "cassette.yaml"
    cassette.write_text("interactions: []\nversion: 1\n")

    async def scenario(client):
        unknown = pytest.raises(CannotOverwriteExistingCassetteException)
        with vcr.use_cassette(str(cassette), record_mode="none"), unknown:
            await client.get(URL)

    way.run(scenario, mesh=mesh_of("127.0.0.1:1"))


@each_way
def test_bodies_both_ways_are_recorded_whole(way, tmp_path):
    cassette = tmp_path / "cassette.yaml"
    sent, received = b"s" * 200_000, b"r" * 200_000

    async def scenario(client):
        with vcr.use_cassette(str(cassette), record_mode="once", match_on=["method", "uri", "body"]):
            async with client.stream("POST", URL, content=sent) as response:
                return await client.read(response)

    with FaultServer(mode=Mode(body=received)) as server:
        assert way.run(scenario, mesh=mesh_of(server.address)) == received
        assert server.received[0].body == sent
    assert way.run(scenario, mesh=mesh_of("127.0.0.1:1")) == received
