"""What virtual time shows holds on real sockets, in every kind of client."""

from typing import Any

import pytest

import meshlib
from meshlib.testing.server import Fleet, Mode
from tests.ways import Way, busy, each_way

BOUNDS = {"deadline": {"deadline": {"timeout": 0.45}}, "attempt": {"attempt": {"timeout": 0.15}}}


@pytest.mark.realtime
@pytest.mark.parametrize("bound", BOUNDS.values(), ids=BOUNDS)
@each_way
def test_a_hanging_endpoint_is_left_out_with_only_one_kind_of_limit(way: Way, bound: dict[str, Any]) -> None:
    with Fleet(3) as fleet:
        fleet[0].mode = Mode.hang()
        service = meshlib.Service(
            f"static://{','.join(fleet.addresses)}",
            balance={"policy": "round_robin"},
            breaker={"consecutive_failures": 3},
            **bound,
        )
        mesh = meshlib.Mesh(services={"payment-service": service})

        async def scenario(client: Any) -> set[int]:
            return {(await client.get("http://payment-service/")).status_code for _ in range(15)}

        assert way.run(scenario, mesh=mesh) == {200}
        known = mesh.snapshot()["payment-service"]["endpoints"]
        assert [known[address]["breaker"] for address in fleet.addresses] == ["open", "closed", "closed"]
        assert fleet[0].requests == 3
        assert busy(mesh) == 0
