"""On real sockets: whatever goes wrong, a POST that nobody declared idempotent is executed once at most."""

import io
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

import meshlib
from meshlib.testing.server import Fleet, Mode
from meshlib.testing.server.request import Request
from tests.ways import WAYS, Face, Way

CALLS = 80
PATIENCE = 0.1


def mixed(seed: int) -> Callable[[Request], Mode]:
    """Every second request is treated badly, most of them after it was executed."""
    rng = Random(seed)
    bad = [
        Mode.fail(503),
        Mode.fail(503, retry_after=0),
        Mode.fail(500),
        Mode.fail(429, retry_after=0),
        Mode.reset(),
        Mode.reset(after=20),
        Mode.truncate(),
        Mode.hang(),
        Mode.drip_head(0.05),
        Mode.drip_body(0.05),
        Mode.close_silently(),
        Mode.close_announced(),
    ]
    return lambda request: rng.choice(bad) if rng.random() < 0.5 else Mode.ok()


def bodies(number: int, sync: bool) -> dict[str, Any]:
    """Bytes, a form, something that can be read once, an open file."""

    def once() -> Any:
        yield b"amount="
        yield b"1" * number

    async def aonce() -> Any:
        yield b"amount="
        yield b"1" * number

    given: list[dict[str, Any]] = [
        {"content": b"1" * number},
        {"json": {"amount": number}},
        {"content": once() if sync else aonce()},
        {"files": {"amount": io.BytesIO(b"1" * number)}},
    ]
    return given[number % len(given)]


@pytest.mark.realtime
@pytest.mark.parametrize("way", [way for way in WAYS if way.kind != "trio"], ids=str)
def test_a_post_is_executed_once_at_most_under_a_mixture_of_faults(way: Way, rng: Random) -> None:
    with Fleet(4) as fleet:
        for server in fleet:
            server.mode = mixed(rng.getrandbits(32))
        service = meshlib.Service(
            f"static://{','.join(fleet.addresses)}",
            retry=meshlib.Retry(max_attempts=5, backoff=0.001, budget=False),
            deadline=meshlib.Deadline(timeout=PATIENCE),
            breaker=False,
        )

        async def scenario(client: Face) -> int:
            outcomes = [
                await client.outcome(
                    "post",
                    "http://payment-service/charge",
                    headers={"X-Request-Id": f"{number}"},
                    **bodies(number, way.sync),
                )
                for number in range(CALLS)
            ]
            return sum(getattr(outcome, "status_code", 0) == 200 for outcome in outcomes)

        succeeded = way.run(scenario, mesh=meshlib.Mesh({"payment-service": service}))
        executions = fleet.executions
    assert succeeded > CALLS // 3
    assert len(executions) > CALLS * 0.8
    assert max(executions.values()) == 1, executions.most_common(3)
