"""While nobody records, nothing is built. Counted in calls, which a busy machine does not change."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from meshlib.layers.tracing import attempt, telemetry
from tests.layers.tracing.harness import answering, chain, send

OURS = "meshlib/layers/tracing/"


@contextmanager
def python_calls() -> Iterator[list[str]]:
    """Every Python function that is entered: of tracing and of OpenTelemetry, by name."""
    entered: list[str] = []

    def profile(frame: FrameType, event: str, argument: object) -> None:
        file = frame.f_code.co_filename
        if event == "call" and (OURS in file or "/opentelemetry/" in file):
            entered.append(frame.f_code.co_name)

    sys.setprofile(profile)
    try:
        yield entered
    finally:
        sys.setprofile(None)


@pytest.fixture
def no_instrumentation(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that never imported it."""
    monkeypatch.delitem(sys.modules, attempt.INSTRUMENTATION, raising=False)


@pytest.mark.usefixtures("no_instrumentation")
@pytest.mark.parametrize("call_span", [True, False])
def test_without_providers_a_call_enters_a_dozen_small_functions(call_span: bool) -> None:
    layers = chain(call_span=call_span, retry=False)
    with python_calls() as entered:
        send(layers, answering([200]))
    # both layers, each entered again when the waiting ends, and their look at the two providers and the context
    assert len(entered) <= 16, entered
    assert not {"start_span", "traced", "measured", "inject", "redact"} & set(entered)


def test_a_provider_that_does_nothing_counts_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", trace.NoOpTracerProvider())
    assert telemetry.telemetry().recorders()[0] is None


def test_a_provider_set_later_is_seen_by_chains_that_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    assert telemetry.telemetry().recorders()[0] is None
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", TracerProvider(shutdown_on_exit=False))
    assert telemetry.telemetry().recorders()[0] is not None


@pytest.mark.usefixtures("no_instrumentation")
def test_a_span_that_is_not_sampled_gets_no_further_attribute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False))
    layers = chain(retry=False)
    send(layers, answering([200]))
    with python_calls() as entered:
        send(layers, answering([200]))
    assert "start_span" in entered
    assert not {"routed", "resends", "set_attributes", "record"} & set(entered)


BUILD = """
import sys
from meshlib.layers.tracing import attempt, layer
attempt.AttemptSpanLayer(configured=True), layer.CallSpanLayer("payment-service", call_span=True)
print([name for name in ("opentelemetry.sdk", "opentelemetry.instrumentation") if name in sys.modules])
"""


def test_a_chain_imports_neither_the_sdk_nor_the_instrumentation() -> None:
    done = subprocess.run([sys.executable, "-c", BUILD], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
