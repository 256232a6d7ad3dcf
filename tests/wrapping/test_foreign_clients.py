"""wrap() on clients that other packages made or changed: authlib's, an instrumented one."""

import asyncio

import httpx
import pytest
from authlib.integrations.httpx_client import AsyncOAuth2Client, OAuth2Client
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import meshlib
from meshlib.testing.server import FaultServer, Mode

URL = "http://payment-service/"


@pytest.fixture
def server():
    with FaultServer() as running:
        yield running


@pytest.fixture
def mesh(server):
    return meshlib.Mesh({"payment-service": {"discovery": f"static://{server.address}"}})


def test_an_oauth2_client_of_authlib(server, mesh):
    with (
        FaultServer(mode=Mode(body=b'{"access_token": "t", "token_type": "bearer"}')) as tokens,
        OAuth2Client(
            "id", "secret", token_endpoint=tokens.url, grant_type="client_credentials", trust_env=False
        ) as client,
    ):
        meshlib.wrap(client, mesh=mesh)
        client.fetch_token()
        response = client.get(URL)
        assert response.status_code == 200
        assert dict(server.received[0].headers)["authorization"] == "Bearer t"
        assert meshlib.journal(response).attempts[0].endpoint == server.address
        assert isinstance(client, OAuth2Client)


async def fetch_asynchronously(server, mesh, tokens):
    client = AsyncOAuth2Client(
        "id", "secret", token_endpoint=tokens.url, grant_type="client_credentials", trust_env=False
    )
    async with meshlib.wrap(client, mesh=mesh):
        await client.fetch_token()
        return await client.get(URL)


def test_an_async_oauth2_client_of_authlib(server, mesh):
    with FaultServer(mode=Mode(body=b'{"access_token": "t", "token_type": "bearer"}')) as tokens:
        response = asyncio.run(fetch_asynchronously(server, mesh, tokens))
    assert response.status_code == 200
    assert dict(server.received[0].headers)["authorization"] == "Bearer t"


@pytest.mark.parametrize("first", ["instrumented", "wrapped"])
def test_an_instrumented_client_has_one_span_per_attempt(server, mesh, first):
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    server.mode = Mode.fail(503)
    with httpx.Client(trust_env=False) as client:
        if first == "wrapped":
            meshlib.wrap(client, mesh=mesh)
        HTTPXClientInstrumentor.instrument_client(client, tracer_provider=provider)
        meshlib.wrap(client, mesh=mesh)
        response = client.get(URL)
        assert len(meshlib.journal(response).attempts) == 3
        assert len(exporter.get_finished_spans()) == 3
        assert {span.attributes["http.url"] for span in exporter.get_finished_spans()} == {URL}
