"""Clients and transports take what httpx's take, and say so."""

import inspect

import httpx
import httpx2
import pytest

import meshlib
import meshlib.arguments.of_httpx
import meshlib.arguments.of_httpx2

PAIRS = [
    (getattr(ours, name), getattr(theirs, name))
    for ours, theirs in ((meshlib, httpx), (meshlib.httpx2, httpx2))
    for name in ("Client", "AsyncClient", "HTTPTransport", "AsyncHTTPTransport")
]


@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=lambda cls: f"{cls.__module__}.{cls.__name__}")
def test_a_signature_is_that_of_httpx_and_mesh(ours, theirs):
    shown, parent = inspect.signature(ours).parameters, inspect.signature(theirs).parameters
    assert [*shown] == [*parent, "mesh"]
    assert all(shown[name] == parent[name] for name in parent)
    assert shown["mesh"].kind is inspect.Parameter.KEYWORD_ONLY


@pytest.mark.parametrize("library", ["httpx", "httpx2"])
def test_type_checkers_know_the_same_arguments(library):
    arguments = getattr(meshlib.arguments, f"of_{library}")
    hx = {"httpx": httpx, "httpx2": httpx2}[library]
    assert set(arguments.ClientArguments.__annotations__) == set(inspect.signature(hx.Client).parameters)
    assert set(arguments.TransportArguments.__annotations__) == set(inspect.signature(hx.HTTPTransport).parameters)
    assert set(inspect.signature(hx.AsyncClient).parameters) == set(inspect.signature(hx.Client).parameters)


def test_a_wrong_argument_is_refused_as_in_httpx():
    with pytest.raises(TypeError, match="tiemout"):
        meshlib.Client(tiemout=1)


@pytest.mark.parametrize("make", [ours for ours, _ in PAIRS])
def test_mesh_must_be_a_mesh(make):
    with pytest.raises(TypeError, match=r"mesh= takes a meshlib.Mesh, not dict"):
        make(mesh={"payment-service": "static://127.0.0.1:1"})
