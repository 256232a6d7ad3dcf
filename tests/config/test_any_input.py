"""Whatever stands in a file or a variable, the answer is a configuration or a ConfigError, and nothing else."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshlib.config import load
from meshlib.config.overview import overview
from meshlib.config.sections import NOT_BUILT, SECTIONS, SERVICE_KEYS
from meshlib.config.toml_lines import key_lines
from meshlib.errors import ConfigError

FIELDS = sorted({field for model in SECTIONS.values() for field in model.model_fields} | {"base", "ratio", "cap", "x"})
NAMES = [*SECTIONS, *SERVICE_KEYS, NOT_BUILT[0], "nonsense", "a b", ""]

plain = st.none() | st.booleans() | st.integers(-2, 10**6) | st.floats() | st.text(max_size=8)
plain |= st.sampled_from([10**400, "1s", "10ms", "static://a:1", "dns://x", "a:1", "full", "//u:p@x"])
values = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4)
)
scopes = values | st.dictionaries(st.sampled_from(NAMES), values, max_size=4)
files = st.fixed_dictionaries(
    {},
    optional={
        "unconfigured": plain,
        "defaults": scopes,
        "services": values | st.dictionaries(st.sampled_from(["a", "*.b", "a:1", "A", "é", ""]), scopes, max_size=3),
    },
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("any")


def answer(**sources: Any) -> tuple[str, ...]:
    """The configuration as lines, or its problems."""
    try:
        return tuple(overview(load(**sources), everything=True).splitlines())
    except ConfigError as error:
        return error.problems


@given(content=files)
def test_any_file(folder: Path, content: dict[str, object]) -> None:
    file = folder / "meshlib.json"
    file.write_text(json.dumps(content))
    assert answer(file=file, environ={})


segments = st.sampled_from(
    ["SERVICES", "DEFAULTS", "PAY", "RETRY", "BACKOFF", "BASE", "DISCOVERY", "TLS", "CA", "X", ""]
)
texts = st.text(max_size=12) | values.map(json.dumps) | st.sampled_from(["{", "[1", "{a = }", "true", "1s", "\n", '"'])


@given(st.dictionaries(st.lists(segments, min_size=1, max_size=5).map("__".join), texts, max_size=4))
def test_any_variables(named: dict[str, str]) -> None:
    assert answer(environ={f"MESHLIB_{name}": text for name, text in named.items()})


def test_a_long_value_is_not_parsed_again_for_each_of_its_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    parse, parsed = tomllib.loads, []
    monkeypatch.setattr(tomllib, "loads", lambda text: (parsed.append(text), parse(text))[1])
    text = "x = [\n" + '  { address = "10.0.0.1:80" },\n' * 1000 + ']\ny = """\n' + "line\n" * 1000 + '"""\nz = 1\n'
    assert key_lines(text)[("z",)] == 2005
    assert len(parsed) < 10


def test_lines_of_a_toml_file() -> None:
    text = '''\
# a comment
a = """
[not.a.header]
"""
b.c = { d = 1 }

[ x . "y.z" ]   # a header
list = [
  1,
  2,
]
last = 3
[[x.t]]
k = 1
[[x.t]]
k = 2
'''
    assert key_lines(text) == {
        ("a",): 2,
        ("b",): 5,
        ("b", "c"): 5,
        ("b", "c", "d"): 5,
        ("x",): 7,
        ("x", "y.z"): 7,
        ("x", "y.z", "list"): 8,
        ("x", "y.z", "last"): 12,
        ("x", "t"): 13,
        ("x", "t", "k"): 14,
    }
