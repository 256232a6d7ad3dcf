"""The servers, once for all torture; and a recording tracer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

from tests.torture.stage import Stage


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    with Stage() as running:
        yield running


class Spans(SpanProcessor):
    """How many spans have begun, and how many have not ended."""

    def __init__(self) -> None:
        self.begun = self.open = 0

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        self.begun += 1
        self.open += 1

    def on_end(self, span: Any) -> None:
        self.open -= 1


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[Spans]:
    """Every span is recorded."""
    counting, provider = Spans(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(counting)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    yield counting
    provider.shutdown()
