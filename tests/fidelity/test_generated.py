"""Whatever a user sends and whatever the server says: the bytes on the wire and the response are those of httpx."""

from __future__ import annotations

import os
import random
from typing import Any

import pytest

import meshlib
from tests.fidelity.differential import clients, told
from tests.fidelity.generated import Answering, request_arguments
from tests.fidelity.server import RawServer
from tests.ways import WAYS, Face, Way, each_way

SOME, MANY = 2000 // len(WAYS) + 1, 5000
"""Requests for each way, all ways together more than 2 000; and in `make soak`."""

SPARE = 3
"""Connections that may be dialled again where a loaded machine stops for a while; a leak would need many more."""


def unconfigured(address: str) -> meshlib.Mesh:
    return meshlib.Mesh()


def configured(address: str) -> meshlib.Mesh:
    """A service that is found by discovery, with every default layer but the retry, which is more than httpx does."""
    return meshlib.Mesh({"the-service": {"discovery": f"static://{address}", "hosts": [address], "retry": False}})


def direct(address: str) -> meshlib.Mesh:
    return meshlib.Mesh(unconfigured="direct")


async def send_all(client: Face, way: Way, server: RawServer, seeds: list[str]) -> list[Any]:
    """What the client and the server saw of each request."""
    seen = []
    for number, seed in enumerate(seeds):
        server.answer.number = number
        server.forget()
        rng = random.Random(seed)
        arguments = request_arguments(rng, way)
        arguments["url"] = server.url + arguments["url"]
        outcome = await (streamed if rng.random() < 0.3 else whole)(client, arguments)
        if rng.random() < 0.9:  # a jar with cookies keeps the short cut of `send` out
            client.client.cookies.clear()
        failed = isinstance(outcome, Exception)  # what was under way then may not have arrived yet
        seen.append((f"{arguments['method']} {arguments['url']}", told(outcome), server.raw[: 1 if failed else None]))
    return seen


async def whole(client: Face, arguments: dict[str, Any]) -> Any:
    try:
        return await client.way.value(client.client.request(**arguments))
    except Exception as exc:
        return exc


async def streamed(client: Face, arguments: dict[str, Any]) -> Any:
    """The same with `send(stream=True)`, the body read afterwards."""
    follow = {"follow_redirects": arguments.pop("follow_redirects"), "stream": True}
    if "auth" in arguments:
        follow["auth"] = arguments.pop("auth")
    try:
        response = await client.send(client.client.build_request(**arguments), **follow)
        await client.read(response)
    except Exception as exc:
        return exc
    return response


def differences(way: Way, mesh: Any, seed: int, count: int) -> int:
    seeds = [f"{seed}:{number}" for number in range(count)]
    with RawServer(Answering(seed)) as server:
        url = server.url
        seen, connections = {}, {}
        for name, make in clients(way, lambda: {"base_url": url}, mesh(server.address)).items():
            before = server.accepted
            seen[name] = way.use(make, lambda client: send_all(client, way, server, seeds))
            connections[name] = server.accepted - before
    for name in ("ours", "wrapped"):
        for seed_of_one, stock, other in zip(seeds, seen["stock"], seen[name], strict=True):
            assert other[1:] == stock[1:], f"{name}, seed {seed_of_one}: {stock[0]}"
        assert connections[name] <= connections["stock"] + SPARE, name
    return len(seen["stock"])


@each_way
@pytest.mark.parametrize("mesh", [unconfigured, configured, direct])
def test_requests_and_responses_are_those_of_stock(way, mesh, rng):
    meshes = 3
    count = SOME // meshes + 1
    assert differences(way, mesh, rng.randrange(2**32), count) == count


@pytest.mark.soak
@each_way
@pytest.mark.parametrize("mesh", [unconfigured, configured, direct])
def test_many_requests_and_responses_are_those_of_stock(way, mesh, rng):
    count = int(os.environ.get("TEST_REQUESTS", MANY))
    assert differences(way, mesh, rng.randrange(2**32), count) == count
