""" "Retry failed requests to the payment service up to 3 times with a 100 ms delay": one line, and exactly that."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import httpx
import pytest

import meshlib
from meshlib.events import AttemptStarted, RetryStopped
from meshlib.testing.server import Fleet, Mode

WAYS = ["code", "file", "environment"]


def _mesh(way: str, discovery: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> meshlib.Mesh:
    """The sentence, said in one of the three ways."""
    if way == "code":
        return meshlib.Mesh(
            {"payment-service": meshlib.Service(discovery, retry=meshlib.Retry(max_attempts=4, backoff=0.1))}
        )
    monkeypatch.setenv("MESHLIB_SERVICES__PAYMENT_SERVICE__DISCOVERY", discovery)
    if way == "environment":
        monkeypatch.setenv("MESHLIB_SERVICES__PAYMENT_SERVICE__RETRY", '{max_attempts = 4, backoff = "100ms"}')
        return meshlib.Mesh()
    file = folder / "mesh.toml"
    file.write_text('[services.payment-service]\nretry = { max_attempts = 4, backoff = "100ms" }\n')
    return meshlib.Mesh(file=file)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("mode", [Mode.fail(503), Mode.refuse()], ids=["503", "refused"])
@pytest.mark.parametrize("size", [1, 4])
@pytest.mark.realtime
def test_one_failing_get_makes_four_attempts_100_ms_apart(
    way: str, mode: Mode, size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Fleet(size, mode=mode) as fleet:
        mesh = _mesh(way, "static://" + ",".join(fleet.addresses), tmp_path, monkeypatch)
        with meshlib.Client(mesh=mesh) as client:
            try:
                outcome: object = client.get("http://payment-service/")
            except httpx.ConnectError as exc:
                outcome = exc
        journal = meshlib.journal(outcome)
    assert journal is not None
    started = [event.at for event in journal.events if isinstance(event, AttemptStarted)]
    assert len(started) == 4
    for earlier, later in pairwise(started):
        assert 0.1 <= later - earlier < 1.0
    if size == 4:
        assert len({attempt.endpoint for attempt in journal.attempts}) == 4


def test_after_ten_retries_without_a_success_the_budget_is_empty() -> None:
    with Fleet(1, mode=Mode.fail(503)) as fleet:
        service = meshlib.Service(
            f"static://{fleet.addresses[0]}", retry=meshlib.Retry(max_attempts=4, backoff=0.001), breaker=False
        )
        with meshlib.Client(mesh=meshlib.Mesh({"payment-service": service})) as client:
            journals = [meshlib.journal(client.get("http://payment-service/")) for _ in range(5)]
    attempts = [len(journal.attempts) for journal in journals if journal]
    assert attempts == [4, 4, 4, 2, 1]
    last = journals[-1]
    assert last is not None
    assert [e.reason for e in last.events if isinstance(e, RetryStopped)] == ["budget"]
