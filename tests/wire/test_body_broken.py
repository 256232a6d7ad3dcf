"""A streamed body that breaks stands in the journal: the attempt had ended with 200 before."""

from __future__ import annotations

import httpx
import pytest

import meshlib
from meshlib.events import BodyBroken, DeadlinePassed
from meshlib.testing import FaultServer, Mode


def _streamed(mode: Mode, **sections: object) -> tuple[BaseException, meshlib.Journal]:
    with FaultServer(mode=mode) as server:
        mesh = meshlib.Mesh({"payment-service": meshlib.Service(f"static://{server.address}", **sections)})  # type: ignore[arg-type]
        with meshlib.Client(mesh=mesh) as client, client.stream("GET", "http://payment-service/") as response:
            journal = meshlib.journal(response)
            assert journal is not None
            with pytest.raises(httpx.HTTPError) as raised:
                response.read()
    return raised.value, journal


def test_a_body_that_is_cut_off() -> None:
    error, journal = _streamed(Mode.truncate(3))
    assert isinstance(error, httpx.RemoteProtocolError)
    assert [event.error for event in journal.events if isinstance(event, BodyBroken)] == ["RemoteProtocolError"]


def test_a_body_that_outlasts_the_deadline() -> None:
    error, journal = _streamed(Mode.drip_body(0.02), deadline=meshlib.Deadline(timeout=0.1))
    assert isinstance(error, meshlib.DeadlineExceeded)
    assert [type(event) for event in journal.events][-2:] == [BodyBroken, DeadlinePassed]
