"""Small files, small functions, nothing left half done, and no word of the machine it was written on."""

import ast
import re
from pathlib import Path

import pytest

from tests.gates import source

MAX_FILE, MAX_FUNCTION = 300, 45  # lines
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")
PRIVATE_PATH = re.compile(r"(?<![\w.])/(home|root|tmp|Users|work)/[\w.]")
PROSE = {".md", ".toml", ".py", ".sh", ".yml", ".yaml", ".json", ".txt", ""}


def sources() -> list[Path]:
    return [p for p in source.tracked() if p.suffix == ".py"]


def text_files() -> list[Path]:
    return [p for p in source.tracked() if p.suffix in PROSE and p.name != "LICENSE"]


def test_no_file_is_longer_than_a_reader_can_hold() -> None:
    long = {str(p.relative_to(source.ROOT)): n for p in sources() if (n := len(p.read_text().splitlines())) > MAX_FILE}
    assert not long


def function_lengths(path: Path) -> list[tuple[str, int]]:
    """Name with line, and length without docstring and decorators."""
    functions = [n for n in ast.walk(source.tree(path)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [(f"{path.relative_to(source.ROOT)}:{f.lineno} {f.name}", length(f)) for f in functions]


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = function.body[0]
    documented = (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    )
    docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


def test_no_function_is_longer_than_a_screen() -> None:
    assert not [(name, n) for path in source.modules() for name, n in function_lengths(path) if n > MAX_FUNCTION]


def test_nine_in_ten_functions_are_short() -> None:
    lengths = sorted(n for path in source.modules() for _, n in function_lengths(path))
    assert not lengths or lengths[int(len(lengths) * 0.9)] <= 30


@pytest.mark.parametrize("path", source.modules(), ids=source.dotted)
def test_nothing_is_left_half_done(path: Path) -> None:
    assert not UNFINISHED.findall(path.read_text())


def test_no_file_names_the_machine_it_was_written_on() -> None:
    found = {
        f"{path.relative_to(source.ROOT)}:{number}": line.strip()
        for path in text_files()
        if path != Path(__file__)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if PRIVATE_PATH.search(line)
    }
    assert not found
