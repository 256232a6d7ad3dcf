"""A call, its attempts, and the one place where an attempt ends."""

import threading

import httpx
import pytest

from meshlib.call import Attempt
from meshlib.testing.script import new_call
from meshlib.testing.virtual import VirtualRuntime


@pytest.fixture
def clock():
    return VirtualRuntime()


def test_the_first_attempt_sends_the_callers_own_request(clock):
    call = new_call(clock, "POST", content=b"x")
    call.keep_body(1000)
    first, second = call.new_attempt(), call.new_attempt()
    assert first.request is call.request
    assert second.request is not call.request
    assert (first.number, second.number, call.attempts) == (1, 2, 2)


def test_later_attempts_carry_the_headers_as_they_were_before_the_first(clock):
    """Instrumentation writes into the first one's; a retry must not carry its trace context."""
    call = new_call(clock, headers={"x-own": "1"}, extensions={"timeout": {"read": 1}})
    call.keep_body(1000)
    call.new_attempt().request.headers["traceparent"] = "of the first"
    again = call.new_attempt().request
    assert "traceparent" not in again.headers
    assert again.headers["x-own"] == "1"
    assert again.extensions == {"timeout": {"read": 1}}
    assert again.extensions is not call.request.extensions


def test_a_later_attempt_has_content_where_the_first_had(clock):
    """A transport that takes `.content` would otherwise send it chunked."""
    call = new_call(clock, "POST", content=b"text")
    call.keep_body(1000)
    call.new_attempt()
    assert call.new_attempt().request.content == b"text"


@pytest.mark.parametrize(
    ("method", "headers", "idempotent"),
    [
        ("GET", {}, True),
        ("HEAD", {}, True),
        ("PUT", {}, True),
        ("DELETE", {}, True),
        ("OPTIONS", {}, True),
        ("POST", {}, False),
        ("PATCH", {}, False),
        ("POST", {"Idempotency-Key": "1"}, True),
        ("CUSTOM", {}, False),
    ],
)
def test_idempotent_by_method_or_key(clock, method, headers, idempotent):
    assert new_call(clock, method, headers=headers).idempotent is idempotent


def test_a_release_happens_once_and_in_reverse_order(clock):
    attempt, told = new_call(clock).new_attempt(), []
    attempt.on_release(lambda a, error: told.append(("first", error)))
    attempt.on_release(lambda a, error: told.append(("second", error)))
    broke = ValueError()
    attempt.release(broke)
    attempt.release()
    assert told == [("second", broke), ("first", broke)]


def test_a_release_happens_once_between_threads(clock):
    for _ in range(300):
        attempt, told = new_call(clock).new_attempt(), []
        for _ in range(3):
            attempt.on_release(lambda a, error, told=told: told.append(1))
        threads = [threading.Thread(target=attempt.release) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(told) == 3


def test_an_attempt_begins_as_all_sent_and_without_limits_of_its_own(clock):
    attempt = new_call(clock, deadline=5.0).new_attempt()
    assert isinstance(attempt, Attempt)
    assert (attempt.sent, attempt.deadline, attempt.body_deadline, attempt.endpoint) == ("all", 5.0, 5.0, None)


def test_events_go_into_the_journal_and_to_listeners(clock):
    from meshlib.events import DeadlinePassed

    call, told = new_call(clock), []
    call.listeners = [told.append]
    event = DeadlinePassed(clock.now(), 1)
    call.emit(event)
    assert call.flow.journal.events == told == [event]


def test_an_error_is_also_one_of_the_clients_module(clock):
    from meshlib.errors import DeadlineExceeded

    exc = new_call(clock).error(DeadlineExceeded, "too late", "deadline")
    assert isinstance(exc, DeadlineExceeded)
    assert isinstance(exc, httpx.TimeoutException)
    assert (exc.layer, exc.service, exc.flag) == ("deadline", "payment-service", "UT")
    assert exc.journal is not None
