"""Canaries: each fails first when a release of httpx or httpx2 changes what the lean way relies on."""

import httpx
import pytest

from meshlib.lean import known, private
from meshlib.lean.originals import Originals
from meshlib.library import httpx2_library, httpx_library
from tests.ways import WAYS, each_way

LIBRARIES = pytest.mark.parametrize("library", [httpx_library(), httpx2_library()], ids=lambda lib: lib.hx.__name__)


@LIBRARIES
def test_responses_and_headers_hold_what_is_written_into_them(library):
    assert private.readable(library.hx)


@LIBRARIES
def test_a_response_or_headers_with_a_further_attribute_are_not_readable(library):
    class Response(library.hx.Response):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.more = 1

    class Changed:
        ByteStream = library.hx.ByteStream

    Changed.Response = Response
    assert not private.readable(Changed)


@pytest.mark.parametrize("way", [w for w in WAYS if w.kind != "trio"], ids=str)
def test_the_functions_are_where_and_what_they_were(way):
    originals = Originals(httpx_library() if way.hx is httpx else httpx2_library(), sync=way.sync)
    client = way.new()
    assert originals.stand(client)
    for _, place in originals._places:
        assert (
            place in known.KNOWN
            or place.startswith(("SyncClientCore", "AsyncClientCore", "ClientCore"))
            or _honest(place)
        )


def _honest(place):
    """What the lean way calls as it is, or which only must not have been replaced."""
    return place in ("BaseClient._set_timeout", "BaseClient.cookies") or "HTTPConnection." in place or "Pool." in place


@pytest.mark.parametrize("way", [w for w in WAYS if w.kind != "trio"], ids=str)
@pytest.mark.parametrize("name", ["send", "_send_handling_auth", "_send_handling_redirects", "_send_single_request"])
def test_a_release_that_adds_a_step_is_left_to_itself(way, name, monkeypatch):
    qualified = f"{'Client' if way.sync else 'AsyncClient'}.{name}"
    function = getattr(way.hx.Client if way.sync else way.hx.AsyncClient, name)
    code = function.__code__
    assert known.is_known(function)
    monkeypatch.setattr(function, "__code__", code.replace(co_names=(*code.co_names, "new_step")))
    assert not known.is_known(function)
    assert qualified in known.KNOWN
    originals = Originals(httpx_library() if way.hx is httpx else httpx2_library(), sync=way.sync)
    assert not originals.stand(way.new())


@LIBRARIES
def test_the_names_of_a_client(library):
    names = private.Names(library.hx)
    client = library.hx.Client(trust_env=False)
    assert names.is_plain(client, {})
    assert names.is_plain(client, {"auth": library.hx.USE_CLIENT_DEFAULT, "follow_redirects": True})
    assert not names.is_plain(client, {"auth": ("user", "password")})
    assert not names.is_plain(client, {"another": 1})
    assert not names.follows(client, {})
    assert names.follows(client, {"follow_redirects": True})
    client.follow_redirects = True
    assert names.follows(client, {"follow_redirects": library.hx.USE_CLIENT_DEFAULT})
    assert not names.follows(client, {"follow_redirects": False})
    assert names.default_encoding(client) == "utf-8"
    client.close()
    assert not names.is_plain(client, {})


@LIBRARIES
def test_errors_of_httpcore_in_the_words_of_httpx(library):
    names, request = private.Names(library.hx), library.hx.Request("GET", "http://a.example/")
    cause = library.core.ReadTimeout("late")
    words = names.request_context(request=request), names.map_exceptions()
    with pytest.raises(library.hx.ReadTimeout, match="late") as caught, words[0], words[1]:
        raise cause
    assert caught.value.request is request
    assert caught.value.__cause__ is cause


@each_way
def test_the_jar_of_a_plain_client_is_a_known_one(way):
    assert type(way.stock().cookies.jar) in private.Names(way.hx).jars
