"""Errors: each belongs to meshlib's family and to that of the client's module, and carries what a reader needs."""

import pickle

import httpx
import httpx2
import pytest

import meshlib
from meshlib import Journal
from meshlib.errors import ConfigError, MeshError, raised_as

KINDS = {
    meshlib.DeadlineExceeded: ("TimeoutException", "UT"),
    meshlib.NoEndpoints: ("TransportError", "UH"),
    meshlib.NoRoute: ("TransportError", "NR"),
    meshlib.CircuitOpen: ("TransportError", "UO"),
    meshlib.RequestRefused: ("LocalProtocolError", "DI"),
    meshlib.ResponseTooLarge: ("DecodingError", "LR"),
}


@pytest.mark.parametrize("module", [httpx, httpx2])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_error_is_caught_by_both_families(kind, module):
    parent, flag = KINDS[kind]
    exc = raised_as(kind, module)("why")
    for family in (kind, MeshError, getattr(module, parent), module.HTTPError):
        assert isinstance(exc, family)
    assert (str(exc), exc.flag, type(exc).__name__) == ("why", flag, kind.__name__)
    assert (exc.layer, exc.service, exc.journal) == ("", None, None)
    assert raised_as(kind, module) is raised_as(kind, module)


def test_those_of_one_module_are_not_those_of_the_other():
    assert not isinstance(raised_as(meshlib.NoRoute, httpx)("why"), httpx2.HTTPError)


def test_every_error_is_in_the_table():
    """Whoever adds one says what it also is."""
    assert set(MeshError.__subclasses__()) >= set(KINDS)
    plain = {kind for kind in MeshError.__subclasses__() if kind.__module__ == "meshlib.errors"}
    assert {kind for kind in plain if not issubclass(kind, httpx.HTTPError | httpx2.HTTPError)} == set(KINDS)


def test_a_config_error_lists_its_problems_and_survives_pickling():
    error = ConfigError(["one", "two"])
    assert isinstance(error, ValueError)
    assert str(error) == "one\ntwo"
    assert pickle.loads(pickle.dumps(ConfigError("one"))).problems == ("one",)


@pytest.mark.parametrize("module", [httpx, httpx2])
def test_a_raised_error_survives_pickling(module):
    """As errors do that leave a worker process."""
    exc = raised_as(meshlib.CircuitOpen, module)("why")
    exc.layer, exc.request, exc.journal = "breaker", module.Request("GET", "http://a/"), Journal(1.0)
    again = pickle.loads(pickle.dumps(exc))
    assert type(again) is type(exc)
    assert (str(again), again.layer, again.request.url) == ("why", "breaker", "http://a/")
    assert again.journal.started == 1.0
