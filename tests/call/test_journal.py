"""The journal: the events of a call, as attempts, hops and text."""

import httpx
import pytest

import meshlib
from meshlib.events import AttemptEnded, AttemptStarted, HopStarted, RetryScheduled
from meshlib.journal import EXTENSION, Journal


@pytest.fixture
def journal():
    made = Journal(10.0)
    for event in (
        HopStarted(10.0, "GET", "http://payment-service/", "payment-service"),
        AttemptStarted(10.001, 1, "127.0.0.1:1"),
        AttemptEnded(10.003, 1, "ConnectError", "nothing"),
        RetryScheduled(10.003, 1, 0.0, "connection"),
        AttemptStarted(10.004, 2, None),
    ):
        made.entries.append(event)
    return made


def test_attempts_are_paired_with_their_ends(journal):
    first, running = journal.attempts
    assert (first.number, first.endpoint, first.outcome, first.sent) == (1, "127.0.0.1:1", "ConnectError", "nothing")
    assert first.ms == pytest.approx(2.0)
    assert (running.number, running.outcome) == (2, None)


def test_hops_are_listed(journal):
    assert [hop.url for hop in journal.hops] == ["http://payment-service/"]


def test_as_text_it_is_one_line_per_event_in_milliseconds(journal):
    lines = str(journal).splitlines()
    assert len(lines) == 5
    assert lines[2].split() == ["3.0", "ms", "attempt.ended", "attempt=1", "outcome=ConnectError", "sent=nothing"]
    assert "endpoint" not in lines[4]


def test_it_is_found_in_a_response_and_on_an_error(journal):
    error = ValueError()
    assert meshlib.journal(error) is None
    error.journal = journal
    assert meshlib.journal(error) is journal
    assert meshlib.journal(httpx.Response(200)) is None
    assert meshlib.journal(httpx.Response(200, extensions={EXTENSION: journal})) is journal
    assert meshlib.journal(None) is None


@pytest.mark.parametrize("url", ["http://user:password@a/path?token=secret#part"])
def test_urls_are_told_without_secrets(url):
    transport = httpx.MockTransport(lambda request: httpx.Response(200))
    with meshlib.Client(mesh=meshlib.Mesh(), transport=transport) as client:
        text = str(meshlib.journal(client.get(url)))
    assert "http://a/path" in text
    for secret in ("user", "password", "secret"):
        assert secret not in text
