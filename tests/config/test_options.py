"""Settings of one call."""

from typing import Any

import pytest

import meshlib
from meshlib.config import Options, Service, load
from meshlib.config.options import options
from meshlib.errors import ConfigError
from meshlib.layers.attempt.config import Attempt
from meshlib.layers.deadline.config import Deadline
from meshlib.layers.retry.config import Backoff, Retry

SETTINGS = load(
    environ={},
    services={"pay": Service(retry=Retry(max_attempts=5, on=[503]), deadline=Deadline(timeout=1.0, propagate=False))},
).settings("pay")


def of(**given: Any) -> Options:
    found = options(**given)["meshlib"]
    assert isinstance(found, Options)
    return found


@pytest.mark.parametrize("given", [0.2, "200ms", Deadline(timeout=0.2), {"timeout": "0.2s"}])
def test_a_deadline_can_be_written_in_four_ways(given: Any) -> None:
    assert of(deadline=given) == Options(deadline=Deadline(timeout=0.2))
    assert hash(of(deadline=given)) == hash(Options(deadline=Deadline(timeout=0.2)))


def test_what_a_call_sets_stands_over_what_is_configured_field_by_field() -> None:
    settings = SETTINGS.replace(of(retry={"max_attempts": 2}, deadline="50ms", attempt=0.01))
    assert settings.retry == Retry(max_attempts=2, on=(503,))
    assert settings.deadline == Deadline(timeout=0.05, propagate=False)
    assert settings.attempt == Attempt(timeout=0.01)
    assert settings.origin("retry", "max_attempts") == "call"
    assert settings.origin("retry", "on") == "code"
    assert SETTINGS.origin("retry", "max_attempts") == "code"


def test_false_switches_off_for_one_call() -> None:
    settings = SETTINGS.replace(of(retry=False, deadline=False))
    assert settings.retry is None
    assert settings.deadline is None
    assert settings.attempt == SETTINGS.attempt


def test_a_deadline_below_a_configured_attempt_timeout_is_no_conflict() -> None:
    settings = load(environ={}, services={"pay": Service(attempt=Attempt(timeout=0.5))}).settings("pay")
    short = settings.replace(of(deadline=0.1)).deadline
    assert short is not None
    assert short.timeout == 0.1


def test_nothing_given_changes_nothing() -> None:
    assert of() == Options()
    assert not of(idempotent=True).sections()
    assert of(idempotent=True).idempotent is True


def test_only_what_was_set_tells_options_apart() -> None:
    """Retry() and Retry(max_attempts=3) hold the same values, but the second overrides what is configured."""
    assert of(retry=Retry()) != of(retry=Retry(max_attempts=3))
    assert len({of(retry=Retry()), of(retry={}), of(retry=True), of(retry=Retry(max_attempts=3))}) == 2


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"dedline": 1}, 'options.dedline (call): unknown name "dedline"; did you mean deadline?'),
        ({"breaker": False}, "options.breaker (call): cannot be set for one call; known are attempt, deadline"),
        ({"deadline": "1 parsec"}, 'options.deadline.timeout = "1 parsec" (call): has the unknown unit'),
        ({"retry": 3}, "options.retry = 3 (call): must be a table of settings, or false"),
        ({"retry": {"max_atempts": 3}}, 'options.retry.max_atempts (call): unknown name "max_atempts"; did you mean'),
        ({"retry": Deadline()}, "options.retry = Deadline("),
        ({"retry": {"backoff": {"base": 9}}}, "options.retry.backoff (call): base (9s) must not be longer than max"),
        ({"idempotent": "yes"}, "options.idempotent = 'yes' (call): must be true or false"),
        (
            {"attempt": 2, "deadline": 1},
            "options.attempt.timeout = 2.0 (call): must not be longer than options.deadline",
        ),
    ],
    ids=str,
)
def test_a_wrong_option_is_refused_at_once(given: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        options(**given)
    (problem,) = caught.value.problems
    assert problem.startswith(expected)


def test_all_wrong_options_come_together() -> None:
    with pytest.raises(ConfigError) as caught:
        options(retry=3, deadline=-1, atempt=1)  # type: ignore[arg-type]
    assert len(caught.value.problems) == 3


def test_a_field_that_cannot_stand_beside_a_configured_one_is_refused_when_they_meet() -> None:
    settings = load(environ={}, services={"a": Service(retry=Retry(backoff=Backoff(max=0.1)))}).settings("a")
    with pytest.raises(ConfigError, match=r"base \(0.5s\) must not be longer than max \(0.1s\)"):
        settings.replace(of(retry={"backoff": {"base": 0.5}}))


@pytest.mark.parametrize("given", [3, {"retry": False}, meshlib.Retry()])
def test_what_options_did_not_make_is_refused_before_anything_is_sent(given: object) -> None:
    mesh = meshlib.Mesh({"pay": {"discovery": "static://127.0.0.1:1"}})
    with meshlib.Client(mesh=mesh) as client, pytest.raises(ConfigError, match=r"must come from meshlib\.options"):
        client.get("http://pay/", extensions={"meshlib": given})
