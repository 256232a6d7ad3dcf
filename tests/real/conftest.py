"""Fixtures that start real servers; a test that uses one is left out unless TEST_SERVERS is set."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.debian import unpack
from tests.real.knot import Knot
from tests.real.nginx import Nginx


@pytest.fixture(scope="session")
def unpacked_servers() -> None:
    unpack()


@pytest.fixture
def server_folder(unpacked_servers: None) -> Iterator[Path]:
    """A short path: a control socket may have only 107 characters."""
    with tempfile.TemporaryDirectory(prefix="real-") as folder:
        yield Path(folder)


@pytest.fixture
def knot(server_folder: Path) -> Iterator[Knot]:
    (server_folder / "knot").mkdir()
    server = Knot(server_folder / "knot")
    yield server
    server.stop()


@pytest.fixture
def nginx(server_folder: Path) -> Iterator[Nginx]:
    (server_folder / "nginx").mkdir()
    server = Nginx(server_folder / "nginx")
    yield server
    server.stop()
