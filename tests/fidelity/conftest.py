"""What the differential tests share."""

import gc

import pytest

from tests.fidelity.server import RawServer


@pytest.fixture
def collected():
    """Under trio, stock httpx leaves a body that was given up to the collector, which complains: within the test."""
    yield
    gc.collect()


left_to_the_collector = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def server():
    with RawServer() as running:
        yield running
