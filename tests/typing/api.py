"""The public API as a user writes it: mypy checks it strictly, so that their code checks too. Nothing runs it."""

from typing import assert_type

import httpx
import httpx2

import meshlib
import meshlib.httpx2
from meshlib import Call, Handler, Response


class TenantHeader:
    """A user's own layer, written once for sync and async."""

    name = "tenant"

    async def handle(self, inner: Handler, call: Call) -> Response:
        return await inner(call)


def configure() -> meshlib.Mesh:
    return meshlib.Mesh(
        services={
            "payment-service": meshlib.Service(
                "static://10.0.0.1:8080,10.0.0.2:8080",
                retry=meshlib.Retry(max_attempts=4, backoff=0.1),
                deadline=meshlib.Deadline(timeout=1.0),
                breaker=False,
            ),
            "audit-service": meshlib.Service("static://10.0.0.3:8080", retry=False),
        },
        layers=[(TenantHeader(), "above", "retry")],
        unconfigured="refuse",
    )


def call_in_sync(mesh: meshlib.Mesh) -> None:
    with meshlib.Client(mesh=mesh, timeout=5.0, base_url="http://payment-service") as client:
        assert_type(client, meshlib.Client)
        stock: httpx.Client = client  # wherever a client of httpx is asked for
        response = stock.get("/charge/42", extensions=meshlib.options(retry=False, deadline=0.2))
        assert_type(response, httpx.Response)
        record: meshlib.Journal | None = meshlib.journal(response)
        print(record)


async def call_in_async(mesh: meshlib.Mesh) -> None:
    await mesh.aready(timeout=5.0)
    async with meshlib.AsyncClient(mesh=mesh) as client:
        stock: httpx.AsyncClient = client
        try:
            await stock.get("http://payment-service/charge/42")
        except meshlib.DeadlineExceeded as error:
            print(error.layer, error.service, meshlib.journal(error))


def call_on_httpx2(mesh: meshlib.Mesh) -> httpx2.Client:
    return meshlib.httpx2.Client(mesh=mesh)


def in_what_exists_already(client: httpx.Client, other: httpx2.AsyncClient) -> None:
    meshlib.wrap(client)
    meshlib.unwrap(client)
    meshlib.wrap(other)
    httpx.Client(transport=meshlib.HTTPTransport())
    httpx.AsyncClient(transport=meshlib.AsyncHTTPTransport(http2=True))


def look(mesh: meshlib.Mesh) -> str:
    mesh.ready(timeout=5.0)
    print(mesh.snapshot())
    mesh.close()
    return str(mesh.explain("http://payment-service/charge"))
