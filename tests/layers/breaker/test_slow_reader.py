"""A caller who is slow to read an answer, as against an endpoint that is slow to send it."""

import time

import httpx
import pytest

import meshlib
from meshlib.testing.server import FaultServer, Mode


def read_slowly(client: httpx.Client) -> None:
    with client.stream("GET", "http://payment-service/") as response:
        for _ in response.iter_raw(65536):
            time.sleep(0.02)


@pytest.mark.realtime
def test_a_deadline_that_passes_while_the_caller_works_is_charged_to_nobody() -> None:
    with FaultServer(mode=Mode(body=b"x" * 2_000_000)) as server:
        mesh = meshlib.Mesh(
            {"payment-service": meshlib.Service(f"static://{server.address}", deadline=meshlib.Deadline(timeout=0.05))}
        )
        with meshlib.Client(mesh=mesh) as client:
            for _ in range(11):
                with pytest.raises(httpx.TimeoutException):
                    read_slowly(client)
        assert mesh.snapshot()["payment-service"]["endpoints"][server.address]["breaker"] == "closed"
