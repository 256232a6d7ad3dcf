"""What is tried again and what is not: the rules of retry as tables, in virtual time."""

import gc
import weakref
from typing import Any

import httpx
import pytest

from meshlib.call import Attempt
from meshlib.endpoint import EndpointSet
from meshlib.errors import CircuitOpen, NoEndpoints, raised_as
from meshlib.runtime.sync import SyncRuntime, complete
from meshlib.testing.script import new_call
from tests.layers.chains import play, retry

REFUSED = httpx.ConnectError("refused")
RESET = httpx.ReadError("reset")
STALE = httpx.RemoteProtocolError("Server disconnected without sending a response.")


@pytest.mark.parametrize("endpoints", [1, 4])
@pytest.mark.parametrize("outcome", [503, REFUSED], ids=["503", "refused"])
def test_three_retries_100_ms_apart_are_exactly_that(outcome: Any, endpoints: int) -> None:
    story = play(retry(endpoints, max_attempts=4, backoff=0.1), [outcome], sent="nothing")
    assert story.times == [0.0, 0.1, 0.2, 0.3]
    assert story.stopped == "max_attempts"


@pytest.mark.parametrize(
    ("method", "outcome", "sent", "again"),
    [
        ("GET", REFUSED, "all", True),
        ("GET", RESET, "part", True),
        ("GET", STALE, "part", True),
        ("GET", httpx.WriteError("broken pipe"), "part", True),
        ("PUT", RESET, "part", True),
        ("DELETE", 503, "all", True),
        ("GET", 502, "all", True),
        ("GET", 503, "all", True),
        ("GET", 504, "all", True),
        ("POST", REFUSED, "nothing", True),
        ("POST", httpx.ConnectError("TLS"), "nothing", True),
        ("PATCH", REFUSED, "nothing", True),
        ("POST", REFUSED, "all", False),
        ("POST", RESET, "part", False),
        ("POST", STALE, "part", False),
        ("POST", 503, "all", False),
        ("POST", 429, "all", False),
        ("GET", 429, "all", False),
        ("GET", (429, {"retry-after": "0"}), "all", True),
        ("GET", 501, "all", False),
        ("GET", 505, "all", False),
        ("GET", 404, "all", False),
        ("GET", 408, "all", False),
        ("GET", httpx.LocalProtocolError("bad header"), "all", False),
        ("GET", httpx.UnsupportedProtocol("ftp"), "nothing", False),
        ("GET", httpx.DecodingError("gzip"), "all", False),
        ("GET", httpx.ProxyError("407"), "all", False),
        ("GET", httpx.TimeoutException("a mock did not match"), "all", False),
        ("GET", httpx.TransportError("a mock did not match"), "all", False),
        ("GET", AssertionError("a mock did not match"), "all", False),
        ("GET", httpx.ReadTimeout("httpx's own"), "part", False),
        ("GET", httpx.ConnectTimeout("httpx's own"), "nothing", False),
        ("POST", httpx.PoolTimeout("httpx's own"), "nothing", False),
    ],
)
def test_safe_failures_are_retried_and_no_other(method: str, outcome: Any, sent: str, again: bool) -> None:
    story = play(retry(2), [outcome, 200], method=method, sent=sent)
    assert len(story.attempts) == (2 if again else 1)


@pytest.mark.parametrize(
    ("endpoints", "statuses", "attempts"),
    [(1, [500, 200], 1), (2, [500, 200], 2), (3, [500, 500, 200], 2), (3, [500, 503, 200], 3), (2, [503, 500, 200], 2)],
)
def test_500_is_retried_once_and_only_on_another_endpoint(endpoints: int, statuses: list[int], attempts: int) -> None:
    assert len(play(retry(endpoints), statuses).attempts) == attempts


def test_an_endpoint_that_its_breaker_leaves_out_is_no_other_endpoint() -> None:
    layer = retry(2)
    assert layer.endpoints.current is not None
    layer.endpoints.open = layer.endpoints.current.endpoints[1:]
    assert len(play(layer, [500, 200]).attempts) == 1
    assert play(layer, [(503, {"retry-after": "120"}), 200]).stopped == "retry_after"


def test_nor_is_one_that_this_process_does_not_use() -> None:
    layer = retry(2)
    assert layer.endpoints.current is not None
    layer.endpoints.used = EndpointSet(layer.endpoints.current.endpoints[:1], 1, 0.0)
    assert len(play(layer, [500, 200]).attempts) == 1


@pytest.mark.parametrize("opened", [{"headers": {"Idempotency-Key": "k"}}, {"idempotent": True}])
def test_a_post_that_is_declared_idempotent_is_retried(opened: dict[str, Any]) -> None:
    assert len(play(retry(), [503, 200], method="POST", **opened).attempts) == 2


def test_statuses_written_by_the_user_are_retried_without_conditions() -> None:
    layer = retry(1, on=[404, 429, 500], max_attempts=5, backoff=0)
    story = play(layer, [404, 429, 500, 500, 200])
    assert (story.reasons, story.outcome.status_code) == (["404", "429", "500", "500"], 200)


def test_on_leaves_out_what_it_does_not_name() -> None:
    layer = retry(2, on=[503], backoff=0)
    assert len(play(layer, [REFUSED, 200], sent="nothing").attempts) == 1
    assert len(play(layer, [502, 200]).attempts) == 1
    assert len(play(layer, [503, 200]).attempts) == 2


def test_a_timeout_is_retried_when_the_call_has_a_deadline() -> None:
    story = play(retry(backoff=0), [httpx.ReadTimeout("a share of the deadline"), 200], deadline=1.0)
    assert (story.reasons, story.outcome.status_code) == (["timeout"], 200)


def test_a_timeout_is_retried_when_the_attempts_own_limit_ran_out() -> None:
    layer = retry(backoff=0)
    limited = play(layer, [LimitedTimeout(0.3), 200], takes=0.3)
    sooner = play(layer, [LimitedTimeout(5.0), 200], takes=0.3)
    assert (len(limited.attempts), len(sooner.attempts)) == (2, 1)


class LimitedTimeout(httpx.ReadTimeout):
    """A timeout in an attempt which has `limit` seconds; httpx's own timeout may be sooner."""

    def __init__(self, limit: float) -> None:
        super().__init__("timed out")
        self.limit = limit


@pytest.mark.parametrize("kind", [CircuitOpen, NoEndpoints])
def test_a_refusal_of_our_own_is_never_retried(kind: Any) -> None:
    story = play(retry(3), [raised_as(kind, httpx)("no")])
    assert len(story.attempts) == 1
    assert isinstance(story.outcome, kind)


def test_a_refusal_met_on_a_retry_gives_the_last_response() -> None:
    story = play(retry(backoff=0), [503, raised_as(CircuitOpen, httpx)("open")])
    assert story.outcome.status_code == 503
    assert story.outcome.read() == b""
    assert story.stopped == "circuit_open"


def test_a_refusal_met_on_a_retry_raises_the_last_error_with_a_note() -> None:
    story = play(retry(backoff=0), [RESET, raised_as(CircuitOpen, httpx)("payment-service is open")])
    assert isinstance(story.outcome, httpx.ReadError)
    assert "payment-service is open (circuit_open)" in story.outcome.__notes__[-1]


def test_exhausted_retries_raise_the_last_error_with_a_note() -> None:
    story = play(retry(backoff=0), [httpx.ReadError("first"), httpx.ReadError("last")])
    assert str(story.outcome) == "last"
    assert "3 attempts" in story.outcome.__notes__[0]
    assert "max_attempts" in story.outcome.__notes__[0]
    assert story.outcome.__context__ is None


def test_a_refused_retry_says_why_on_the_error() -> None:
    story = play(retry(), [httpx.ReadError("reset")], method="POST")
    assert "not_idempotent" in story.outcome.__notes__[0]


@pytest.mark.parametrize(("configured", "attempts"), [({}, 1), ({"max_attempts": 3, "backoff": 0.5}, 3)])
def test_under_a_mocker_only_a_configured_retry_engages_and_without_a_wait(
    configured: dict[str, Any], attempts: int
) -> None:
    story = play(retry(**configured), [503], mocked=True)
    assert story.times == [0.0] * attempts


def test_cancellation_passes_at_once() -> None:
    class Cancelled(BaseException):
        pass

    with pytest.raises(Cancelled):
        play(retry(), [Cancelled()])


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_error_of_a_call_is_freed_without_the_garbage_collector(method: str) -> None:
    async def inner(attempt: Attempt) -> Any:
        raise httpx.ReadError(str(attempt.number))

    def fail() -> weakref.ref[httpx.ReadError]:
        try:
            complete(retry(backoff=0).handle(inner, new_call(SyncRuntime(), method)))  # type: ignore[arg-type]
        except httpx.ReadError as error:
            return weakref.ref(error)
        raise AssertionError("it did not fail")

    gc.collect()
    gc.disable()
    try:
        assert fail()() is None
    finally:
        gc.enable()
