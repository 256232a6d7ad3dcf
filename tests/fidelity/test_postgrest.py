"""postgrest, a client that many use through Supabase: with our clients in it, given or wrapped, it does what it did."""

from __future__ import annotations

import json

import httpx
import pytest
from postgrest import APIError, AsyncPostgrestClient, SyncPostgrestClient

import meshlib
from meshlib.testing.server import FaultServer, Mode
from tests.fidelity.differential import compare
from tests.fidelity.server import Exchange
from tests.ways import WAYS

ROWS = [{"id": 1, "name": "a"}]
httpx_ways = pytest.mark.parametrize("way", [w for w in WAYS if w.hx is httpx and w.kind != "trio"], ids=str)


def answer(exchange: Exchange) -> None:
    """Like a PostgREST server: rows, a count, and an error in JSON for what it does not know."""
    exchange.body()
    missing = "/missing" in exchange.target
    body = json.dumps({"code": "42P01", "message": "no such table", "hint": None, "details": None} if missing else ROWS)
    status = b"404 Not Found" if missing else b"200 OK"
    exchange.send(
        b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Range: 0-0/1\r\nContent-Length: %d\r\n\r\n%s"
        % (status, len(body), body.encode())
    )


async def use(way, database):
    """Reads, writes, a call and an error, each with the builder's own headers and parameters."""
    table = database.from_("people")
    seen = [await way.value(table.select("*", count="exact").eq("name", "a b").order("id").limit(5).execute())]
    seen.append(await way.value(table.insert({"name": "ü"}).execute()))
    seen.append(await way.value(table.update({"name": "c"}).eq("id", 1).execute()))
    seen.append(await way.value(table.delete().eq("id", 1).execute()))
    seen.append(await way.value(database.rpc("add", {"a": 1}).execute()))
    with pytest.raises(APIError) as raised:
        await way.value(database.from_("missing").select("*").execute())
    return [(r.data, r.count) for r in seen], raised.value.code


@httpx_ways
def test_it_sends_and_gives_what_it_does_with_stock(way, server):
    server.answer = answer
    kind = SyncPostgrestClient if way.sync else AsyncPostgrestClient

    async def scenario(client):
        return await use(way, kind(server.url, http_client=client.client))

    (results, code), received = compare(way, scenario, server)
    assert results[0] == (ROWS, 1)
    assert code == "42P01"
    assert received[0].startswith(b"GET /people?select=%2A&name=eq.a+b&order=id.asc&limit=5 HTTP/1.1\r\n")


@httpx_ways
def test_the_session_that_it_made_itself_is_wrapped(way):
    """It asks for HTTP/2, follows redirects, and has a retry of its own, which is switched off for ours."""
    answers = iter([Mode.fail(503), Mode(body=json.dumps(ROWS).encode())])
    kind = SyncPostgrestClient if way.sync else AsyncPostgrestClient

    async def scenario(client):
        database = kind("http://database/rest", retry_enabled=False)
        meshlib.wrap(database.session, mesh=mesh)
        try:
            return (await way.value(database.from_("people").select("*").execute())).data
        finally:
            await way.value(database.session.close() if way.sync else database.session.aclose())

    with FaultServer(mode=lambda request: next(answers)) as database_server:
        mesh = meshlib.Mesh({"database": {"discovery": f"static://{database_server.address}", "breaker": False}})
        assert way.use(way.stock, scenario) == ROWS
        assert [request.target for request in database_server.received] == ["/rest/people?select=%2A"] * 2
