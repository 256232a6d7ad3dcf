"""Each attempt's share of time, and what the server is told about it."""

from typing import Any

import httpx
import pytest

from meshlib.errors import DeadlineExceeded
from meshlib.layers.attempt.policy import expected_ms, grpc_timeout, limits
from meshlib.testing.script import Pending, spawn
from meshlib.testing.virtual import VirtualRuntime
from tests.layers import chains

HEADER = "x-envoy-expected-rq-timeout-ms"
GRPC = {"content-type": "application/grpc+proto"}


@pytest.mark.parametrize(
    ("deadline", "timeout", "followers", "headers_by", "body_by"),
    [
        (None, None, 2, None, None),
        (None, 0.3, 2, 10.3, 10.3),
        (11.0, None, 0, 11.0, 11.0),
        (11.0, None, 1, 10.5, 11.0),
        (11.0, None, 3, 10.25, 11.0),
        (11.0, 0.3, 3, 10.3, 10.3),
        (11.0, 5.0, 3, 11.0, 11.0),
    ],
)
def test_limits(deadline: Any, timeout: Any, followers: int, headers_by: Any, body_by: Any) -> None:
    assert limits(10.0, deadline, timeout, followers) == (headers_by, body_by)


@pytest.mark.parametrize(
    ("seconds", "envoy", "grpc"),
    [
        (1.0, "1000", "1000m"),
        (0.3339, "333", "333m"),
        (0.0002, "1", "1m"),
        (99_999.999, "99999999", "99999999m"),
        (100_000.0, "100000000", "100000S"),
        (1e12, "1000000000000000", "99999999S"),
    ],
)
def test_the_server_is_told_a_duration_which_is_never_zero(seconds: float, envoy: str, grpc: str) -> None:
    assert (expected_ms(seconds), grpc_timeout(seconds)) == (envoy, grpc)


def first(layer: Any, left: int = 2, **kw: Any) -> Pending:
    """What reaches the wire when the attempt may be followed by `left` others."""
    clock = VirtualRuntime()
    start, inner = spawn(chains.Stacked(Left(left), layer), clock)
    start(**kw)
    return inner.expect()


class Left:
    """Stands for `retry`."""

    def __init__(self, left: int) -> None:
        self.left = left

    async def handle(self, inner: Any, call: Any) -> Any:
        call.keep_body(1)
        return await inner(call.new_attempt(self.left))


def test_an_attempt_shares_the_deadline_for_its_headers_and_then_has_all_of_it() -> None:
    pending = first(chains.attempt(), deadline=1.5)
    attempt = pending.what
    assert (attempt.deadline, attempt.body_deadline) == (0.5, 1.5)
    pending.reply(200)
    attempt.runtime.settle()
    assert attempt.deadline == 1.5


@pytest.mark.parametrize("unrepeatable", [{"method": "POST"}, {"method": "PATCH"}])
def test_an_attempt_that_nothing_can_follow_gets_all_that_remains(unrepeatable: dict[str, Any]) -> None:
    assert first(chains.attempt(), deadline=1.5, **unrepeatable).what.deadline == 1.5
    assert first(chains.attempt(), left=0, deadline=1.5).what.deadline == 1.5
    assert first(chains.attempt(attempt=False, deadline={"timeout": 9.0}), deadline=1.5).what.deadline == 1.5


def test_a_configured_timeout_covers_the_body_and_never_passes_the_deadline() -> None:
    layer = chains.attempt(attempt={"timeout": 0.3})
    attempt = first(layer).what
    assert (attempt.deadline, attempt.body_deadline) == (0.3, 0.3)
    assert first(layer, deadline=0.2).what.deadline == 0.2


def test_nothing_is_sent_after_the_deadline() -> None:
    clock = VirtualRuntime(start=2.0)
    start, inner = spawn(chains.attempt(), clock)
    task = start(attempt=True, deadline=2.0)
    inner.expect_nothing()
    with pytest.raises(DeadlineExceeded) as raised:
        task.result()
    assert raised.value.layer == "attempt"
    assert isinstance(raised.value, httpx.TimeoutException)


@pytest.mark.parametrize(
    ("sections", "kw", "headers"),
    [
        ({}, {"deadline": 1.5}, {HEADER: "1500"}),
        ({"attempt": {"timeout": 0.3}}, {"deadline": 1.5}, {HEADER: "300"}),
        ({"attempt": {"timeout": 0.3}}, {}, {HEADER: "300"}),
        ({}, {}, {}),
        ({"deadline": {"propagate": False}}, {"deadline": 1.5}, {}),
        ({"deadline": False}, {"deadline": 1.5}, {}),
        ({}, {"deadline": 1.5, "headers": {HEADER: "7"}}, {}),
        ({}, {"deadline": 1.5, "headers": {HEADER.title(): "7"}}, {}),
        ({}, {"deadline": 1.5, "method": "POST"}, {HEADER: "1500"}),
        ({}, {"deadline": 1.5, "method": "POST", "headers": GRPC}, {"grpc-timeout": "1500m"}),
        ({}, {"deadline": 1.5, "method": "POST", "headers": {**GRPC, "grpc-timeout": "7m"}}, {}),
    ],
)
def test_the_server_is_told_how_long_its_answer_is_of_use(
    sections: dict[str, Any], kw: dict[str, Any], headers: dict[str, str]
) -> None:
    assert first(chains.attempt(**sections), **kw).what.headers == headers


def test_a_host_that_nobody_configured_is_told_nothing() -> None:
    from meshlib.layers.attempt.layer import AttemptLayer

    context = chains.context()
    context.service = None
    layer = AttemptLayer.build(context)
    assert first(layer, deadline=1.5).what.headers == {}


def test_switched_off_and_with_nothing_to_tell_it_is_not_in_the_chain() -> None:
    from meshlib.layers.attempt.layer import AttemptLayer

    assert AttemptLayer.build(chains.context(attempt=False, deadline=False)) is None
