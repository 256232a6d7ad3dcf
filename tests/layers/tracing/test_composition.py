"""Whoever instruments, and whenever: one span for each attempt, whose context is the one on the wire.

This is the table of compositions that the design promises, for the sync and async clients of httpx and httpx2, with a
call span and without. Every row runs in a process of its own (`composed.py`).
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.gates.source import ROOT

CONTRIB = "opentelemetry.instrumentation.httpx"


def run(name: str, **environ: str) -> Any:
    command = [sys.executable, "-m", "tests.layers.tracing.composed", name]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class Seen:
    """What one request left behind."""

    def __init__(self, case: dict[str, Any]) -> None:
        self.case: str = case["case"]
        self.status: int = case["status"]
        self.traceparent: str | None = case["traceparent"]
        self.came_in: list[tuple[str, str | None, int]] = case["came_in"]
        self.calls = [s for s in case["spans"] if s["kind"] == "INTERNAL" and s["scope"] == "meshlib"]
        self.attempts = [s for s in case["spans"] if s["kind"] == "CLIENT"]
        self.call_span: bool = case["call_span"]
        (self.caller,) = [s["id"] for s in case["spans"] if s["scope"] == "application"]

    def check_call(self) -> None:
        """One call span under the caller's when it is wanted, else none."""
        assert [s["parent"] for s in self.calls] == ([self.caller] if self.call_span else []), self.case
        assert self.status == 200, self.case

    def check_attempts(self, maker: str) -> None:
        """Two attempts, siblings, made by `maker`, each carried to the server; the second one is marked as a resend."""
        parent = self.calls[0]["id"] if self.call_span else self.caller
        assert [(s["scope"], s["parent"]) for s in self.attempts] == [(maker, parent)] * 2, self.case
        assert self.carried == [s["id"] for s in self.attempts], self.case
        assert self.traceparent == self.came_in[0][1], self.case  # the caller's own request was the first attempt's
        assert self.values("http.request.resend_count") == [None, 1], self.case
        assert self.values("http.response.status_code") == [503, 200], self.case

    def check_endpoints(self) -> None:
        """Peer and endpoint are those of the replica at which the attempt came in."""
        ports = [port for _, _, port in self.came_in]
        assert self.values("network.peer.address") == ["127.0.0.1"] * 2, self.case
        assert self.values("network.peer.port") == ports, self.case
        assert self.values("meshlib.endpoint") == [f"127.0.0.1:{port}" for port in ports], self.case
        assert ports[0] != ports[1], self.case

    @property
    def carried(self) -> list[str | None]:
        return [context.split("-")[2] if context else None for _, context, _ in self.came_in]

    def values(self, name: str) -> list[Any]:
        return [s["attributes"].get(name) for s in self.attempts]


EXACT = {
    "none": "meshlib",
    "instrument_before_import": CONTRIB,
    "instrument_after_import": CONTRIB,
    "client_before_wrap": CONTRIB,
    "client_after_wrap": CONTRIB,
    "client_on_ours": CONTRIB,
    "explicit_ours": CONTRIB,
    "uninstrument": "meshlib",
    "uninstrument_client": "meshlib",
    "door": "meshlib",
    "door_globally": CONTRIB,
}


@pytest.mark.parametrize(("name", "maker"), EXACT.items())
def test_each_attempt_has_exactly_one_span_and_its_endpoint(name: str, maker: str) -> None:
    for seen in map(Seen, run(name)):
        seen.check_call()
        seen.check_attempts(maker)
        seen.check_endpoints()


def test_an_instrumented_transport_of_the_user_keeps_its_own_peer() -> None:
    """The wire is not ours: no endpoint is chosen, and the instrumentation's idea of the peer is all there is."""
    for seen in map(Seen, run("explicit_stock")):
        seen.check_call()
        seen.check_attempts(CONTRIB)
        assert seen.values("network.peer.address") == ["localhost"] * 2
        assert seen.values("meshlib.service") == ["localhost"] * 2


def test_an_instrumented_mock_has_its_two_spans_and_nothing_of_ours_below() -> None:
    for seen in map(Seen, run("explicit_mock")):
        seen.check_call()
        assert [s["scope"] for s in seen.attempts] == [CONTRIB] * 2
        assert seen.values("http.request.resend_count") == [None, None]


@pytest.mark.parametrize("name", ["excluded", "excluded_instrumented", "suppressed", "suppressed_instrumented"])
def test_what_the_application_leaves_out_has_no_attempt_span_but_its_call_span(name: str) -> None:
    for seen in map(Seen, run(name, OTEL_PYTHON_HTTPX_EXCLUDED_URLS="/excluded$")):
        seen.check_call()
        assert (seen.attempts, seen.carried) == ([], [None, None]), seen.case


@pytest.mark.parametrize("name", ["doubled_by_client", "doubled_by_transport"])
def test_an_application_that_instruments_twice_sees_what_it_sees_in_stock_httpx(name: str) -> None:
    for seen in map(Seen, run(name)):
        seen.check_call()
        assert [s["scope"] for s in seen.attempts] == [CONTRIB] * 4, seen.case


def test_instrumenting_a_stock_client_on_our_transport_puts_its_span_round_ours() -> None:
    for seen in map(Seen, run("door_instrumented")):
        outer, *attempts = seen.attempts
        assert (outer["scope"], outer["parent"]) == (CONTRIB, seen.caller), seen.case
        parent = seen.calls[0]["id"] if seen.call_span else outer["id"]
        assert [(s["scope"], s["parent"]) for s in attempts] == [("meshlib", parent)] * 2, seen.case
        assert seen.carried == [s["id"] for s in attempts], seen.case


@pytest.mark.parametrize("name", ["none", "instrument_before_import", "client_on_ours", "explicit_ours"])
def test_without_an_sdk_everything_works_and_no_header_is_added(name: str) -> None:
    for case in run(f"{name}_without_sdk"):
        assert (case["status"], case["spans"], len(case["came_in"])) == (200, [], 2), case["case"]
        assert [context for _, context, _ in case["came_in"]] == [None, None], case["case"]


LABELS = {"http.request.method": "GET", "server.address": "dead-service", "error.type": "ConnectError"}
OLD_LABELS = {"http.method": "GET", "http.scheme": "http"}


@pytest.mark.parametrize(
    ("name", "opt_in", "expected"),
    [
        ("durations", "http", [["http.client.request.duration", {**LABELS, "server.port": 80}, 4]]),
        ("durations", "", [["http.client.request.duration", {**LABELS, "server.port": 80}, 4]]),
        ("durations_instrumented", "http", [["http.client.request.duration", LABELS, 4]]),
        ("durations_instrumented", "", [["http.client.duration", OLD_LABELS, 4]]),
        (
            "durations_instrumented",
            "http/dup",
            [["http.client.request.duration", LABELS, 4], ["http.client.duration", OLD_LABELS, 4]],
        ),
    ],
)
def test_an_attempt_that_raises_is_measured_once(name: str, opt_in: str, expected: list[Any]) -> None:
    """Four clients, one attempt each. Fails when the instrumentation begins to measure them: then `lost.py` goes."""
    assert run(name, OTEL_SEMCONV_STABILITY_OPT_IN=opt_in) == expected
