"""One answer to "was this a failure, and whose?", as tables."""

import errno
from email.utils import formatdate
from typing import Any

import httpcore
import httpx
import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshlib.call import Attempt
from meshlib.classify import classify, parse_retry_after, ran_out
from meshlib.errors import CircuitOpen, DeadlineExceeded, RequestRefused, raised_as
from meshlib.library import httpx2_library, httpx_library
from meshlib.testing.script import new_call
from meshlib.testing.virtual import VirtualRuntime

WALL = 1_700_000_000.0


def an_attempt(sent: str = "all", deadline: float | None = None, library: Any = None) -> Attempt:
    made = new_call(VirtualRuntime(), library=library or httpx_library()).new_attempt()
    made.sent, made.deadline = sent, deadline
    return made


@pytest.mark.parametrize(
    ("status", "kind", "failure"),
    [
        (101, "ok", False), (200, "ok", False), (204, "ok", False), (304, "ok", False), (307, "ok", False),
        (400, "ok", False), (401, "ok", False), (404, "ok", False), (408, "ok", False), (499, "ok", False),
        (429, "status", False),
        (500, "status", True), (502, "status", True), (503, "status", True), (504, "status", True),
        (507, "status", True), (599, "status", True), (999, "status", True),
        (501, "ok", False), (505, "ok", False),
    ],
)  # fmt: skip
def test_statuses(status: int, kind: str, failure: bool) -> None:
    verdict = classify(an_attempt(), httpx.Response(status), 0.0)
    assert (verdict.kind, verdict.failure, verdict.charge, verdict.status) == (kind, failure, failure, status)
    assert verdict.retry_after is None


@pytest.mark.parametrize(
    ("number", "charge"), [(errno.EMFILE, False), (errno.EADDRNOTAVAIL, False), (errno.ECONNREFUSED, True)]
)
def test_what_this_machine_has_run_out_of_is_no_endpoints_failure(number: int, charge: bool) -> None:
    try:
        try:
            try:
                raise OSError(number, "as the system says it")
            except OSError as exc:
                raise httpcore.ConnectError(str(exc))  # noqa: B904 - as httpcore does it
        except httpcore.ConnectError as exc:
            raise httpx.ConnectError(str(exc)) from exc
    except httpx.ConnectError as error:
        verdict = classify(an_attempt("nothing"), error, 0.0)
    assert (verdict.kind, verdict.failure, verdict.unsent, verdict.charge) == ("connection", True, True, charge)


def test_plain_answers_share_their_verdict() -> None:
    verdicts = {id(classify(an_attempt(), httpx.Response(200), 0.0)) for _ in range(3)}
    assert len(verdicts) == 1


@pytest.mark.parametrize("hx", [httpx, httpx2], ids=["httpx", "httpx2"])
@pytest.mark.parametrize(
    ("name", "kind", "failure", "charge"),
    [
        ("ConnectError", "connection", True, True),
        ("ReadError", "connection", True, True),
        ("WriteError", "connection", True, True),
        ("CloseError", "connection", True, True),
        ("RemoteProtocolError", "connection", True, True),
        ("ConnectTimeout", "timeout", True, True),
        ("ReadTimeout", "timeout", True, True),
        ("WriteTimeout", "timeout", True, True),
        ("PoolTimeout", "timeout", True, False),
        ("LocalProtocolError", "ours", False, False),
        ("UnsupportedProtocol", "ours", False, False),
        ("ProxyError", "other", False, False),
        ("DecodingError", "other", False, False),
        ("TimeoutException", "other", False, False),
        ("TransportError", "other", False, False),
    ],
)
def test_errors(hx: Any, name: str, kind: str, failure: bool, charge: bool) -> None:
    library = httpx_library() if hx is httpx else httpx2_library()
    verdict = classify(an_attempt(library=library), getattr(hx, name)("text"), 0.0)
    assert (verdict.kind, verdict.failure, verdict.charge) == (kind, failure, charge)


@pytest.mark.parametrize("kind", [CircuitOpen, DeadlineExceeded, RequestRefused])
def test_what_a_layer_of_ours_raised_is_nobodys_failure(kind: Any) -> None:
    verdict = classify(an_attempt(), raised_as(kind, httpx)("no"), 0.0)
    assert (verdict.kind, verdict.failure, verdict.charge) == ("ours", False, False)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), GeneratorExit(), SystemExit(), BaseException()])
def test_a_cancellation_is_nobodys_failure(error: BaseException) -> None:
    verdict = classify(an_attempt("nothing"), error, 0.0)
    assert (verdict.kind, verdict.failure, verdict.charge, verdict.unsent) == ("cancelled", False, False, False)


@pytest.mark.parametrize(
    ("sent", "error", "unsent"),
    [
        ("nothing", httpx.ConnectError("refused"), True),
        ("nothing", httpx.PoolTimeout("full"), True),
        ("part", httpx.ConnectError("refused"), False),
        ("all", httpx.ConnectError("refused"), False),
        ("nothing", httpx.ProxyError("407"), False),
    ],
)
def test_unsent_is_what_the_wire_says_and_never_a_guess(sent: str, error: Exception, unsent: bool) -> None:
    assert classify(an_attempt(sent), error, 0.0).unsent is unsent


@pytest.mark.parametrize(
    ("now", "short", "charge"), [(1.0, False, True), (1.2, False, True), (4.0, False, False), (1.0, True, False)]
)
def test_a_timeout_is_not_charged_when_the_process_stood_still_or_time_was_short(
    now: float, short: bool, charge: bool
) -> None:
    attempt = an_attempt(deadline=1.0)
    attempt.short = short
    verdict = classify(attempt, httpx.ReadTimeout("slow"), now)
    assert (verdict.failure, verdict.charge) == (True, charge)


@pytest.mark.parametrize(
    ("deadline", "now", "answer"), [(None, 9.0, False), (1.0, 0.9, False), (1.0, 0.9995, True), (1.0, 1.0, True)]
)
def test_a_limit_has_been_reached_from_one_millisecond_before(deadline: Any, now: float, answer: bool) -> None:
    assert ran_out(deadline, now) is answer


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0), ("1", 1.0), (" 120 ", 120.0), ("1.5", 1.5), ("9" * 300, 1e300), ("9" * 301, None),
        (formatdate(WALL + 30, usegmt=True), 30.0),
        (formatdate(WALL + 30), 30.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("-1", None), ("1e309", None), ("soon", None), ("", None), ("NaN", None), ("inf", None), ("\u0663", None),
        ("Thu, 99 Jan 2030 00:00:00 GMT", None), ("Thu, 01 Jan 99999 00:00:00 GMT", None), ("1, 2", None),
    ],
)  # fmt: skip
def test_retry_after(value: str, seconds: float | None) -> None:
    assert parse_retry_after(value, WALL) == (seconds if seconds is None else pytest.approx(seconds))


@given(st.text(max_size=40))
def test_no_retry_after_can_raise_or_be_negative(value: str) -> None:
    seconds = parse_retry_after(value, WALL)
    assert seconds is None or seconds >= 0


@pytest.mark.parametrize(
    ("status", "value", "retry_after", "repel"),
    [
        (429, "7", 7.0, 7.0),
        (503, "7", 7.0, 7.0),
        (503, "4000", 4000.0, 300.0),
        (429, "x", None, 0.0),
        (200, "7", None, 0.0),
    ],
)
def test_an_endpoint_is_left_alone_for_what_it_asks_and_at_most_five_minutes(
    status: int, value: str, retry_after: float | None, repel: float
) -> None:
    verdict = classify(an_attempt(), httpx.Response(status, headers={"retry-after": value}), 0.0)
    assert (verdict.retry_after, verdict.repel) == (retry_after, repel)
    assert verdict.failure is (status == 503)
