"""A change of the public API is seen in a diff: tests/public_api.txt lists it, and TEST_WRITE_API=1 writes it again."""

import inspect
import os
from importlib import import_module

import pytest

from tests.gates import api, source

LISTING = source.ROOT / "tests" / "public_api.txt"


def test_the_public_api_is_the_one_listed() -> None:
    actual = api.listing()
    if os.environ.get("TEST_WRITE_API"):
        LISTING.write_text(actual)
    assert LISTING.read_text() == actual, "TEST_WRITE_API=1 writes the file again; look at its diff"


@pytest.mark.parametrize("module", api.MODULES)
def test_every_public_name_is_documented(module: str) -> None:
    found = import_module(module)
    things = {name: getattr(found, name) for name in api.names(found)}
    assert things, "a module with no public name has no place in the list"
    definitions = {n: thing for n, thing in things.items() if inspect.isroutine(thing) or inspect.isclass(thing)}
    assert not [n for n, thing in definitions.items() if not thing.__doc__]
