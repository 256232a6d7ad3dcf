"""The deadline of a `send()` is stamped once, by the service that was asked for, before auth and redirects."""

from __future__ import annotations

from collections.abc import Generator

import httpx
import pytest

import meshlib
from meshlib.testing.server import Fleet, Mode


class Token(httpx.Auth):
    """Fetches a token from a service of its own, as OAuth clients do."""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        yield httpx.Request("POST", "http://token-service/token")
        yield request


def _mesh(fleet: Fleet) -> meshlib.Mesh:
    return meshlib.Mesh(
        {
            "payment-service": meshlib.Service(
                f"static://{fleet.addresses[0]}", deadline=meshlib.Deadline(timeout=5.0)
            ),
            "token-service": meshlib.Service(f"static://{fleet.addresses[1]}", deadline=meshlib.Deadline(timeout=0.2)),
        }
    )


def test_a_shorter_deadline_of_the_token_service_binds_only_its_own_hop() -> None:
    with Fleet(2) as fleet:
        fleet[0].mode = Mode.ok(delay=0.3)  # longer than the token service's deadline
        with meshlib.Client(mesh=_mesh(fleet)) as client:
            assert client.get("http://payment-service/", auth=Token()).status_code == 200


def test_the_auth_round_spends_the_time_of_the_call() -> None:
    with Fleet(2) as fleet:
        fleet[1].mode = Mode.ok(delay=0.1)
        fleet[0].mode = Mode.hang()
        extensions = meshlib.options(deadline=0.15)
        with meshlib.Client(mesh=_mesh(fleet)) as client, pytest.raises(meshlib.DeadlineExceeded) as raised:
            client.get("http://payment-service/", auth=Token(), extensions=extensions)
    journal = meshlib.journal(raised.value)
    assert journal is not None
    assert [hop.service for hop in journal.hops] == ["token-service", "payment-service"]
    assert journal.events[-1].at - journal.started < 1.5


def test_a_deadline_of_the_call_comes_before_the_inherited_one() -> None:
    """A call that an auth flow makes inherits what is left of the outer call, unless it brings its own."""
    left: list[float | None] = []

    class Asking(httpx.Auth):
        def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
            from meshlib.hop import current_flow

            inner = httpx.Request("GET", "http://token-service/")
            for extensions in ({}, meshlib.options(deadline=60.0)):
                inner.extensions = dict(extensions)
                flow = client._meshlib.open_flow(inner, stream=False)
                outer = current_flow.get()
                assert outer is not None
                assert outer.deadline is not None
                assert flow.deadline is not None
                left.append(flow.deadline - outer.deadline)
            yield request

    with Fleet(2) as fleet, meshlib.Client(mesh=_mesh(fleet)) as client:
        client.get("http://payment-service/", auth=Asking(), extensions=meshlib.options(deadline=0.1))
    assert left[0] == 0.0
    assert left[1] is not None
    assert left[1] > 50.0


@pytest.mark.parametrize(("given", "reached"), [(60.0, True), (False, True), (0.05, False)])
def test_a_call_s_own_deadline_may_be_longer_than_the_configured_one(given: float | bool, reached: bool) -> None:
    with Fleet(1, mode=Mode.ok(delay=0.25)) as fleet:
        service = meshlib.Service(f"static://{fleet.addresses[0]}", deadline=meshlib.Deadline(timeout=0.1))
        with meshlib.Client(mesh=meshlib.Mesh({"payment-service": service})) as client:
            if reached:
                assert client.get("http://payment-service/", extensions=meshlib.options(deadline=given)).is_success
            else:
                with pytest.raises(meshlib.DeadlineExceeded):
                    client.get("http://payment-service/", extensions=meshlib.options(deadline=given))


def test_a_deadline_that_is_another_one_for_every_call_builds_no_chain() -> None:
    with Fleet(1) as fleet:
        mesh = meshlib.Mesh({"payment-service": meshlib.Service(f"static://{fleet.addresses[0]}")})
        with meshlib.Client(mesh=mesh) as client:
            for number in range(20):
                client.get("http://payment-service/", extensions=meshlib.options(deadline=5.0 + number))
            service = mesh.route(httpx.URL("http://payment-service/"))
    assert service is not None
    assert service._variants == {}


def test_a_call_may_bring_a_deadline_to_a_service_whose_section_is_off() -> None:
    with Fleet(1, mode=Mode.hang()) as fleet:
        service = meshlib.Service(f"static://{fleet.addresses[0]}", deadline=False)
        with (
            meshlib.Client(mesh=meshlib.Mesh({"payment-service": service})) as client,
            pytest.raises(meshlib.DeadlineExceeded),
        ):
            client.get("http://payment-service/", extensions=meshlib.options(deadline=0.05))
