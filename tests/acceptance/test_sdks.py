"""SDKs on httpx and httpx2, pointed at localhost, behave as with the stock client; spans and events are there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import groq
import httpx
import httpx2
import openai
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import meshlib
from meshlib.events import AttemptEnded, Event, RetryScheduled
from meshlib.testing.server import Fleet, Mode

CHAT = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hello"}}],
}
MESSAGE = {
    "id": "m1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "hello"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 1, "output_tokens": 1},
}
ASK: Any = [{"role": "user", "content": "hi"}]


def _groq(http_client: Any) -> str:
    sdk = groq.Groq(api_key="k", base_url="http://model-service", http_client=http_client, max_retries=0)
    return str(sdk.chat.completions.create(model="m", messages=ASK).choices[0].message.content)


def _openai(http_client: Any) -> str:
    sdk = openai.OpenAI(api_key="k", base_url="http://model-service/v1", http_client=http_client, max_retries=0)
    return str(sdk.chat.completions.create(model="m", messages=ASK).choices[0].message.content)


def _openai_models(http_client: Any) -> str:
    sdk = openai.OpenAI(api_key="k", base_url="http://model-service/v1", http_client=http_client, max_retries=0)
    return str(sdk.models.list().data[0].id)


def _anthropic(http_client: Any) -> str:
    sdk = anthropic.Anthropic(api_key="k", base_url="http://model-service", http_client=http_client, max_retries=0)
    block: Any = sdk.messages.create(model="m", max_tokens=8, messages=ASK).content[0]
    return str(block.text)


SDKS: dict[str, tuple[Callable[[Any], str], Any, Any, dict[str, Any]]] = {
    "groq": (_groq, meshlib.Client, httpx.Client, CHAT),
    "openai": (_openai, meshlib.httpx2.Client, httpx2.Client, CHAT),
    "anthropic": (_anthropic, meshlib.httpx2.Client, httpx2.Client, MESSAGE),
}


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """An SDK of OpenTelemetry for one test; the provider can be set only once in a process, so it is handed over."""
    from opentelemetry import trace

    exporter, before = InMemorySpanExporter(), trace._TRACER_PROVIDER
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace._TRACER_PROVIDER = provider
    yield exporter
    trace._TRACER_PROVIDER = before


def _mesh(fleet: Fleet) -> tuple[meshlib.Mesh, list[Event]]:
    mesh = meshlib.Mesh({"model-service": meshlib.Service("static://" + ",".join(fleet.addresses))})
    seen: list[Event] = []
    mesh.listen(seen.append)
    return mesh, seen


@pytest.mark.parametrize("name", SDKS)
def test_the_answer_is_the_same_and_the_attempt_is_traced(name: str, spans: InMemorySpanExporter) -> None:
    ask, mesh_client, stock_client, body = SDKS[name]
    with Fleet(2, mode=Mode(headers=(("Content-Type", "application/json"),), body=json.dumps(body).encode())) as fleet:
        with stock_client(proxy=f"http://{fleet.addresses[0]}") as stock:  # a proxy stands for the name's DNS
            expected = ask(stock)
        mesh, seen = _mesh(fleet)
        with mesh_client(mesh=mesh) as client:
            assert ask(client) == expected == "hello"
    assert [event.outcome for event in seen if isinstance(event, AttemptEnded)] == ["200"]
    made = [dict(span.attributes or {}) for span in spans.get_finished_spans()]
    (attempt,) = [attributes for attributes in made if "meshlib.service" in attributes]  # an SDK may add its own spans
    assert attempt["meshlib.service"] == "model-service"
    assert attempt["network.peer.address"] in ("127.0.0.2", "127.0.0.3")


def test_a_get_of_an_sdk_is_retried_elsewhere() -> None:
    """The SDK's own retries are off: it is the mesh that goes to the other replica."""
    models = {"object": "list", "data": [{"id": "m7", "object": "model", "created": 1, "owned_by": "o"}]}
    with Fleet(2, mode=Mode.fail(503)) as fleet:
        fleet[1].mode = Mode(headers=(("Content-Type", "application/json"),), body=json.dumps(models).encode())
        mesh, seen = _mesh(fleet)
        with meshlib.httpx2.Client(mesh=mesh) as client:
            assert [_openai_models(client) for _ in range(20)] == ["m7"] * 20
    assert any(isinstance(event, RetryScheduled) for event in seen)
