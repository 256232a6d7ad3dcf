"""Which way a request goes."""

import pytest

from meshlib.lean.way import Way


@pytest.fixture
def taken(monkeypatch):
    """For each `send`: whether it went the lean way."""
    found = []
    transport = Way.transport

    def spy(self, *args):
        chosen = transport(self, *args)
        found.append(chosen is not None)
        return chosen

    monkeypatch.setattr(Way, "transport", spy)
    return found
