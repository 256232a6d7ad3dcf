"""A call ends by its deadline, and says so."""

from typing import Any

import httpx
import pytest

from meshlib.errors import DeadlineExceeded
from meshlib.events import DeadlinePassed
from meshlib.testing.script import spawn
from meshlib.testing.virtual import VirtualRuntime
from tests.layers import chains

TIMEOUTS = [httpx.ConnectTimeout, httpx.ReadTimeout, httpx.WriteTimeout, httpx.PoolTimeout]


def started(layer: Any, **kw: Any) -> tuple[VirtualRuntime, Any, Any]:
    clock = VirtualRuntime()
    start, inner = spawn(layer, clock)
    return clock, start(**kw), inner


@pytest.mark.parametrize(
    ("timeout", "given", "deadline"),
    [(1.0, None, 1.0), (1.0, 0.5, 0.5), (1.0, 9.0, 1.0), (None, 0.5, 0.5), (None, None, None)],
)
def test_the_sooner_of_the_inherited_and_the_configured_one_holds(timeout: Any, given: Any, deadline: Any) -> None:
    layer = chains.deadline(**({"timeout": timeout} if timeout else {}))
    _, _, inner = started(layer, deadline=given)
    call = inner.expect().what
    assert call.deadline == deadline
    assert call.new_attempt().deadline == deadline


def test_a_later_hop_keeps_the_deadline_of_the_first_or_has_a_sooner_one() -> None:
    """The door stamps the deadline of all hops; a hop to another service may have to end before."""
    for timeout, expected in ((1.0, 1.0), (0.1, 0.8)):
        clock = VirtualRuntime(start=0.7)
        start, inner = spawn(chains.deadline(timeout=timeout), clock)
        start(deadline=1.0)
        assert inner.expect().what.deadline == pytest.approx(expected)


def test_a_call_that_is_late_already_is_not_sent() -> None:
    clock = VirtualRuntime(start=5.0)
    start, inner = spawn(chains.deadline(), clock)
    task = start(deadline=5.0)
    inner.expect_nothing()
    with pytest.raises(DeadlineExceeded):
        task.result()


@pytest.mark.parametrize("kind", TIMEOUTS)
def test_a_timeout_at_the_deadline_is_the_deadlines(kind: Any) -> None:
    clock, task, inner = started(chains.deadline(timeout=1.0))
    pending = inner.expect()
    clock.advance(1.0)
    cause = kind("timed out")
    pending.fail(cause)
    clock.settle()
    with pytest.raises(DeadlineExceeded, match="passed after 1000 ms") as raised:
        task.result()
    assert raised.value.__cause__ is cause
    assert isinstance(raised.value, httpx.TimeoutException)
    assert (raised.value.layer, raised.value.service, raised.value.flag) == ("deadline", "payment-service", "UT")
    assert isinstance(raised.value.journal.events[-1], DeadlinePassed)


@pytest.mark.parametrize(
    "error", [*(kind("own") for kind in TIMEOUTS), httpx.ReadError("reset"), httpx.TimeoutException("mock")]
)
def test_what_happens_before_it_stays_httpxs_own(error: Exception) -> None:
    clock, task, inner = started(chains.deadline(timeout=1.0))
    pending = inner.expect()
    clock.advance(0.9)
    pending.fail(error)
    clock.settle()
    with pytest.raises(type(error)) as raised:
        task.result()
    assert raised.value is error


def test_an_error_that_is_no_timeout_stays_what_it_is_even_then() -> None:
    clock, task, inner = started(chains.deadline(timeout=1.0))
    pending = inner.expect()
    clock.advance(1.0)
    pending.fail(httpx.ReadError("reset"))
    clock.settle()
    with pytest.raises(httpx.ReadError):
        task.result()


def chain(**sections: Any) -> chains.Stacked:
    """deadline > retry > attempt, as the pipeline has them."""
    from meshlib.layers.attempt.layer import AttemptLayer
    from meshlib.layers.deadline.layer import DeadlineLayer
    from meshlib.layers.retry.layer import RetryLayer

    context = chains.context(4, **sections)
    return chains.Stacked(*(kind.build(context) for kind in (DeadlineLayer, RetryLayer, AttemptLayer)))


def hang(clock: VirtualRuntime, task: Any, inner: Any) -> list[float]:
    """A service that never answers: the wire ends every attempt at its limit. Returns when attempts began."""
    begun = []
    while not task.done:
        begun.append(round(clock.now(), 3))
        pending = inner.expect()
        clock.advance(pending.what.deadline - clock.now())
        pending.fail(httpx.ReadTimeout("the limit passed"))
        clock.settle()
        while not task.done and not inner._pending:
            clock.advance(0.001)
    return begun


def test_a_hanging_service_gets_three_attempts_within_the_deadline_and_then_the_call_ends() -> None:
    clock, task, inner = started(chain(deadline={"timeout": 0.9}, retry={"backoff": 0}))
    assert hang(clock, task, inner) == [0.0, 0.3, 0.6]
    assert clock.now() == pytest.approx(0.9)
    with pytest.raises(DeadlineExceeded) as raised:
        task.result()
    assert isinstance(raised.value.__cause__, httpx.ReadTimeout)


def test_a_post_that_hangs_has_the_whole_deadline() -> None:
    clock, task, inner = started(chain(deadline={"timeout": 0.9}), method="POST")
    assert hang(clock, task, inner) == [0.0]
    assert isinstance(task.error, DeadlineExceeded)


def test_with_an_attempt_timeout_alone_the_last_timeout_is_httpxs_own() -> None:
    clock, task, inner = started(chain(attempt={"timeout": 0.2}, retry={"backoff": 0}))
    assert hang(clock, task, inner) == [0.0, 0.2, 0.4]
    assert type(task.error) is httpx.ReadTimeout


def test_a_timeout_which_the_deadline_forbids_to_retry_is_the_deadlines() -> None:
    clock, task, inner = started(chain(deadline={"timeout": 0.5}, attempt={"timeout": 0.4}, retry={"backoff": 0.2}))
    assert hang(clock, task, inner) == [0.0]
    assert clock.now() == pytest.approx(0.4)
    assert isinstance(task.error, DeadlineExceeded)


def test_headers_in_time_give_the_body_the_rest_of_the_deadline() -> None:
    clock, task, inner = started(chain(deadline={"timeout": 0.9}))
    pending = inner.expect()
    assert pending.what.deadline == pytest.approx(0.3)
    clock.advance(0.2)
    pending.reply(200)
    clock.settle()
    assert task.result().status_code == 200
    assert pending.what.deadline == pytest.approx(0.9)


def test_switched_off_it_is_not_in_the_chain() -> None:
    from meshlib.layers.deadline.layer import DeadlineLayer

    assert DeadlineLayer.build(chains.context(deadline=False)) is None
