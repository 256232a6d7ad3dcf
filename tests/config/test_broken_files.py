"""A file that cannot be read at all: where it is broken, as file:line:column."""

from pathlib import Path

import pytest

from meshlib.config import load
from tests.config.test_wrong_settings import problems


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("m.toml", "[services.pay]\nretry = {\n", "m.toml:2:10 (file): broken TOML:"),
        ("m.toml", "a = 1\na = 2\n", "m.toml:2:6 (file): broken TOML: Cannot overwrite a value"),
        ("m.toml", "x = [1", "m.toml:1:7 (file): broken TOML:"),
        ("m.json", '{"defaults":\n 3,}', "m.json:2:4 (file): broken JSON:"),
        ("m.json", '{"a": 1, "a": 2}', "m.json (file): the key 'a' stands twice in one table"),
        ("m.toml", "a = " + "[" * 5000, "m.toml (file): is nested too deeply"),
        ("m.json", "[" * 100_000, "m.json (file): is nested too deeply"),
        ("m.json", '{"a": %s}' % ("9" * 5000), "m.json (file): cannot be read: Exceeds the limit"),
        ("m.json", '{"defaults": {"attempt": {"timeout": %s}}}' % ("9" * 400), "must be finite"),
        ("m.json", "", "m.json:1:1 (file): broken JSON:"),
        ("m.json", "[]", "m.json:1:1 (file): must be a table"),
        ("m.json", '{"services": []}', "services = [] (D/m.json services): must be a table of services"),
    ],
)
def test_a_broken_file(tmp_path: Path, name: str, text: str, expected: str) -> None:
    (tmp_path / name).write_text(text)
    (problem,) = problems(file=tmp_path / name)
    assert expected in problem.replace(str(tmp_path), "D")


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_bytes(b"\xff\xfe")
    (problem,) = problems(file=tmp_path / "m.toml")
    assert "cannot be read" in problem


def test_a_mark_of_byte_order_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_text("unconfigured = 'direct'", encoding="utf-8-sig")
    assert load(file=tmp_path / "m.toml", environ={}).unconfigured == "direct"


def test_a_path_that_is_none() -> None:
    assert problems(file=3) == ("file = 3 (code): must be the path of a file",)


@pytest.mark.parametrize("text", ["[" * 5000, '{"a":' * 5000])
def test_a_variable_that_is_nested_too_deeply(text: str) -> None:
    name = "MESHLIB_DEFAULTS__RETRY"
    assert problems(environ={name: text}) == (f"{name} (environment): is nested too deeply",)
