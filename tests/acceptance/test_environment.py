"""Environment variables alone put a client on a fleet of which three in four are broken, and no GET fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

import httpx
import pytest

from meshlib.testing.server import FaultServer, Fleet, Mode

CALLS = 200


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    """A dead one, one that answers 503, one that executes and then resets, and one that works."""
    with Fleet(4) as fleet:
        for server, mode in zip(fleet, (Mode.refuse(), Mode.fail(503), Mode.reset(), Mode.ok()), strict=True):
            server.mode = mode
        yield fleet


@pytest.mark.parametrize("how", ["sync", "asyncio", "trio"])
def test_every_get_succeeds_and_no_post_runs_twice(fleet: Fleet, how: str) -> None:
    environ = {
        "MESHLIB_SERVICES__PAYMENT_SERVICE__DISCOVERY": "static://" + ",".join(fleet.addresses),
        "MESHLIB_SERVICES__PAYMENT_SERVICE__RETRY__MAX_ATTEMPTS": "4",
    }
    run = subprocess.run(
        [sys.executable, "-m", "tests.acceptance.environment_client", how],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(run.stdout)["GET"] == CALLS, run.stdout
    posts = Counter({key: n for key, n in fleet.executions.items() if key.startswith("POST")})
    assert len(posts) > CALLS // 4
    assert max(posts.values()) == 1, posts.most_common(3)


def test_bare_httpx_fails_most_of_the_same_calls(fleet: Fleet) -> None:
    """The other side: round robin over the same addresses, as an application would do it by hand."""
    failed = 0
    with httpx.Client() as client:
        for number in range(CALLS):
            try:
                failed += client.get(f"http://{fleet.addresses[number % 4]}/charge").status_code != 200
            except httpx.HTTPError:
                failed += 1
    assert failed == CALLS * 3 // 4


def test_a_wrong_variable_is_told_before_any_request() -> None:
    with FaultServer() as server:
        run = subprocess.run(
            [sys.executable, "-m", "tests.acceptance.environment_client", "sync"],
            env={
                **os.environ,
                "MESHLIB_SERVICES__PAYMENT_SERVICE__DISCOVERY": f"static://{server.address}",
                "MESHLIB_SERVICES__PAYMENT_SERVICE__RETRY__MAX_ATEMPTS": "4",
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert run.returncode == 1
        assert "MAX_ATEMPTS" in run.stderr
        assert "MAX_ATTEMPTS" in run.stderr.upper().replace("MAX_ATEMPTS", "")
        assert server.requests == 0
