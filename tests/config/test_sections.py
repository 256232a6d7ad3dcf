"""What the section models promise to everything that is derived from them."""

import pickle
import subprocess
import sys
from pathlib import Path

import pybreaker
import pytest
import trustme

from meshlib.config import settings as settings_module
from meshlib.config.section import Section
from meshlib.config.sections import NOT_BUILT, SECTIONS
from meshlib.config.service import Service
from meshlib.config.values import parse_duration, parse_size
from meshlib.layers.breaker.config import Breaker
from meshlib.layers.retry.config import Retry
from meshlib.wire.config import Tls


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("300ms", 0.3), ("1s", 1.0), ("1.5 s", 1.5), ("5m", 300.0), ("1h", 3600.0), ("7", 7.0), (0, 0.0)],
)
def test_durations(text: object, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "1 s s", "1e3s", "1d", "-1", -0.5, True, None, "9" * 400, float("inf")])
def test_what_is_no_duration(text: object) -> None:
    with pytest.raises(ValueError, match=r"duration|negative"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [("64KiB", 65536), ("1 MiB", 1048576), ("10B", 10), ("10", 10), ("10MB", 10**7), ("1GiB", 2**30), (0, 0)],
)
def test_sizes(text: object, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["64kb", "1.5", -1, True, None, float("nan")])
def test_what_is_no_size(text: object) -> None:
    with pytest.raises(ValueError, match="a size"):
        parse_size(text)


@pytest.mark.parametrize("model", SECTIONS.values(), ids=SECTIONS)
def test_a_section_has_one_name_and_its_fields_have_help(model: type[Section]) -> None:
    assert model.__name__.lower() == model.section
    assert model.section in Service.__init__.__annotations__
    assert model.section in settings_module.Settings.__annotations__
    assert all(info.description for info in model.model_fields.values())
    assert model.section not in NOT_BUILT


def test_a_section_is_a_frozen_value_that_knows_what_was_set() -> None:
    assert Retry(max_attempts=4) == Retry(max_attempts=4)
    assert hash(Retry(max_attempts=4)) == hash(Retry(max_attempts=4))
    assert Retry() != Retry(max_attempts=3)
    assert pickle.loads(pickle.dumps(Retry(backoff="1s"))) == Retry(backoff=1)
    with pytest.raises(ValueError, match="frozen"):
        Retry().max_attempts = 5  # type: ignore[misc]


def test_listeners_are_pybreakers() -> None:
    listener = pybreaker.CircuitBreakerListener()
    assert Breaker(listeners=[listener]).listeners == (listener,)


def test_a_certificate_is_a_file_that_can_be_used(tmp_path: Path) -> None:
    pem = tmp_path / "both.pem"
    pem.write_bytes(trustme.CA().issue_cert("a").private_key_and_cert_chain_pem.bytes())
    assert Tls(ca=pem, cert=str(pem)).cert == pem
    pem.write_text("no certificate")
    with pytest.raises(ValueError, match="cannot be used"):
        Tls(ca=pem)
    with pytest.raises(ValueError, match="Is a directory"):
        Tls(ca=tmp_path)


@pytest.mark.parametrize("module", [*(model.__module__ for model in SECTIONS.values()), "meshlib.config.options"])
def test_each_module_can_be_the_first_that_is_imported(module: str) -> None:
    """The package of the configuration must not need a section that needs the package."""
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True)


def test_importing_the_package_imports_no_pydantic() -> None:
    modules = "meshlib.config, meshlib.config.options, meshlib.discovery.config"
    code = f"import sys, {modules}; assert 'pydantic' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
