"""The line each key of a TOML text stands in. The standard parser keeps no positions, but it can be asked statement by
statement: a statement is the shortest run of lines that parses alone, and what it parses to names its keys.
"""

from __future__ import annotations

import tomllib
from typing import Any

Keys = tuple[str, ...]
_ENDS = ("]", "}", '"""', "'''")


def key_lines(text: str) -> dict[Keys, int]:
    """The first line (from 1) of every key and table in `text`, which must be valid TOML."""
    found: dict[Keys, int] = {}
    header: Keys = ()
    lines, start = text.split("\n"), 0
    while start < len(lines):
        end, parsed = _statement(lines, start)
        paths = list(_paths(parsed))
        if lines[start].lstrip().startswith("["):
            header = paths[-1]
            paths = [header[:depth] for depth in range(1, len(header) + 1)]
            for path in paths:
                found.setdefault(path, start + 1)
        else:
            for path in paths:
                found.setdefault(header + path, start + 1)
        start = end
    return found


def _statement(lines: list[str], start: int) -> tuple[int, dict[str, Any]]:
    for end in range(start + 1, len(lines) + 1):
        if end > start + 1 and not _may_end(lines[end - 1]):
            continue  # without which a list of a thousand lines would be parsed a thousand times
        try:
            return end, tomllib.loads("\n".join(lines[start:end]))
        except tomllib.TOMLDecodeError:
            continue  # a value that goes on in the next line
    return len(lines), {}


def _may_end(line: str) -> bool:
    """Whether a value that began further up can end in `line`."""
    return any(mark in line for mark in _ENDS) and ("#" in line or not line.rstrip().endswith(","))


def _paths(table: dict[str, Any], above: Keys = ()) -> list[Keys]:
    """Every key of a statement; for a header, whose tables are empty, the deepest one comes last."""
    paths: list[Keys] = []
    for key, value in table.items():
        here = (*above, key)
        inner = value[0] if isinstance(value, list) and value and isinstance(value[0], dict) else value
        paths += [here, *(_paths(inner, here) if isinstance(inner, dict) else [])]
    return paths
