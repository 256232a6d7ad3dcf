"""A small FastAPI application that calls a service through meshlib's client, held open over its lifespan."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, HTTPException, Request

import meshlib
from meshlib.testing.server import Fleet, Mode


def _application(client_class: Any, **client_arguments: Any) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with client_class(**client_arguments) as client:
            app.state.client = client
            yield

    app = FastAPI(lifespan=lifespan)

    @app.get("/orders/{number}")
    async def order(number: int, request: Request) -> dict[str, object]:
        try:
            paid = await request.app.state.client.get(f"http://payment-service/charge/{number}")
            paid.raise_for_status()
        except httpx.HTTPError as exc:
            raise HTTPException(502, type(exc).__name__) from exc
        journal = meshlib.journal(paid)
        return {"number": number, "attempts": len(journal.attempts) if journal else None}

    return app


async def _ask(app: FastAPI, times: int) -> list[httpx.Response]:
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as shop,
    ):
        return [await shop.get(f"/orders/{number}") for number in range(times)]


@pytest.mark.anyio
async def test_the_application_does_not_notice_a_broken_replica() -> None:
    with Fleet(3) as fleet:
        fleet[0].mode = Mode.fail(503)
        mesh = meshlib.Mesh({"payment-service": meshlib.Service("static://" + ",".join(fleet.addresses))})
        answers = await _ask(_application(meshlib.AsyncClient, mesh=mesh), 30)
    assert [answer.status_code for answer in answers] == [200] * 30
    assert max(answer.json()["attempts"] for answer in answers) == 2


@pytest.mark.anyio
async def test_bare_httpx_in_its_place_passes_the_failure_on() -> None:
    """The other side: one address of the same fleet, as DNS would have given it."""
    with Fleet(3) as fleet:
        fleet[0].mode = Mode.fail(503)
        proxies = {"http://payment-service": httpx.AsyncHTTPTransport(proxy=f"http://{fleet.addresses[0]}")}
        answers = await _ask(_application(httpx.AsyncClient, mounts=proxies), 3)
    assert [answer.status_code for answer in answers] == [502] * 3
