"""Constructors take httpx's arguments by name and type, and `mesh`; what is wrong in a call is wrong here."""

import httpx
import httpx2

import meshlib
import meshlib.httpx2


def answer(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, request=request)


mesh = meshlib.Mesh()

meshlib.Client(
    mesh=mesh, timeout=1.0, base_url="http://a", transport=httpx.MockTransport(lambda _: httpx.Response(200))
)
meshlib.AsyncClient(mesh=mesh, limits=httpx.Limits(), mounts={"http://a": httpx.AsyncHTTPTransport()}, http2=True)
meshlib.httpx2.Client(mesh=mesh, limits=httpx2.Limits(), auth=("a", "b"))
meshlib.httpx2.AsyncClient(mesh=mesh, transport=httpx2.AsyncHTTPTransport())
meshlib.HTTPTransport(mesh=mesh, retries=1, local_address="127.0.0.1")
meshlib.AsyncHTTPTransport(True, mesh=mesh)
meshlib.httpx2.HTTPTransport(mesh=mesh, proxy="http://proxy")

meshlib.Client(tiemout=1.0)  # type: ignore[call-arg]
meshlib.Client(http2="yes")  # type: ignore[arg-type]
meshlib.Client(mesh="payment-service")  # type: ignore[arg-type]
meshlib.Client(limits=httpx2.Limits())  # type: ignore[arg-type]
meshlib.AsyncClient(transport=httpx.HTTPTransport())  # type: ignore[arg-type]
meshlib.HTTPTransport(retires=1)  # type: ignore[call-arg]
meshlib.httpx2.AsyncClient(transport=httpx.AsyncHTTPTransport())  # type: ignore[arg-type]
