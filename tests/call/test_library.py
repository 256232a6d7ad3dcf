"""The two modules: alike in the classes that the rules ask for, and only in concrete ones."""

import pytest

from meshlib.library import httpx2_library, httpx_library

LIBRARIES = [httpx_library(), httpx2_library()]


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda lib: lib.hx.__name__)
def test_only_concrete_classes_are_judged(library):
    """Mocks raise the bare ones when nothing matched, and those must not be retried."""
    judged = {*library.timeouts, *library.broken}
    assert not judged & {library.hx.TimeoutException, library.hx.TransportError, library.hx.NetworkError}
    for bare in (library.hx.TimeoutException("no route"), library.hx.TransportError("no route")):
        assert not isinstance(bare, tuple(judged))


def test_a_library_is_made_once_and_belongs_to_one_module():
    assert httpx_library() is httpx_library()
    one, two = LIBRARIES
    assert [kind.__name__ for kind in one.broken] == [kind.__name__ for kind in two.broken]
    assert not set(one.broken) & set(two.broken)
    assert (one.core.__name__, two.core.__name__) == ("httpcore", "httpcore2")
