"""Where the instrumentation measures, meshlib adds exactly the attempts which that loses."""

from __future__ import annotations

import httpx
import pytest
from opentelemetry.instrumentation.httpx import SyncOpenTelemetryTransport

from meshlib.call import Attempt, Call
from tests.layers.tracing.conftest import Metrics
from tests.layers.tracing.harness import answering, chain, send

METRICS = ("http.client.duration", "http.client.request.duration")


def over_an_instrumented_transport(call: Call) -> None:
    call.transport = SyncOpenTelemetryTransport(httpx.MockTransport(lambda request: httpx.Response(200)))


@pytest.mark.parametrize(
    ("opt_in", "names"),
    [("", METRICS[:1]), ("http", METRICS[1:]), ("database, http/dup", METRICS), ("database", METRICS[:1])],
)
def test_an_attempt_that_raised_goes_into_the_metric_that_the_instrumentation_keeps(
    opt_in: str, names: tuple[str, ...], measured: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", opt_in)
    with pytest.raises(httpx.ReadTimeout):
        send(chain(retry=False), answering([httpx.ReadTimeout("late")]), prepare=over_an_instrumented_transport)
    assert [name for name in METRICS if measured.points(name)] == list(names)


def test_an_attempt_that_answered_is_left_to_the_instrumentation(measured: Metrics) -> None:
    send(chain(retry=False), answering([200]), prepare=over_an_instrumented_transport)
    assert [measured.points(name) for name in METRICS] == [[], []]


def test_an_attempt_whose_body_broke_after_its_headers_is_not_counted_twice(measured: Metrics) -> None:
    async def transmit(attempt: Attempt) -> httpx.Response:
        attempt.returned = attempt.runtime.now()
        raise httpx.ReadError("reset in the body")

    with pytest.raises(httpx.ReadError):
        send(chain(retry=False), transmit, prepare=over_an_instrumented_transport)
    assert [measured.points(name) for name in METRICS] == [[], []]
