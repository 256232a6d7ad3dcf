"""What the file says, as a tree whose values know their line (TOML; JSON's parser keeps no positions)."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

from meshlib.config.node import Locate, Node, Origin, dotted, grow
from meshlib.config.toml_lines import Keys, key_lines

_POSITION = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


class Broken(ValueError):
    """A whole message: where the file is broken, and how."""


def read_file(path: str | Path, named_by: str, problems: list[str]) -> Node:
    """The tree of a `.toml` or `.json` file; what keeps it from being read is added to `problems`.

    `named_by` says who wants this file, as a prefix of a message: 'MESHLIB_CONFIG = "..." (environment)'.
    """
    try:
        file = Path(path)
    except TypeError:
        problems.append(f"{named_by}: must be the path of a file")
        return Node({}, Origin("file"), "")
    if file.suffix not in (".toml", ".json"):
        problems.append(f"{named_by}: must be a file that ends in .toml or .json")
        return _nothing(file)
    try:
        text = file.read_text(encoding="utf-8-sig")  # editors of Windows put a mark in front
    except (OSError, ValueError) as error:
        problems.append(f"{named_by}: cannot be read: {getattr(error, 'strerror', None) or error}")
        return _nothing(file)
    try:
        return _parse_toml(file, text) if file.suffix == ".toml" else _parse_json(file, text)
    except Broken as error:
        problems.append(str(error))
    except RecursionError:
        problems.append(f"{file} (file): is nested too deeply")
    except ValueError as error:  # digits without end, which the parsers refuse in words of their own
        problems.append(f"{file} (file): cannot be read: {error}")
    return _nothing(file)


def _nothing(file: Path) -> Node:
    return Node({}, Origin("file", str(file)), "")


def _parse_toml(file: Path, text: str) -> Node:
    text = text.replace("\r\n", "\n")
    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Broken(_broken_toml(file, text, str(error))) from None
    lines = key_lines(text)

    def locate(keys: Keys) -> tuple[Origin, str]:
        line = next((lines[keys[:n]] for n in range(len(keys), 0, -1) if keys[:n] in lines), 1)
        return Origin("file", f"{file}:{line}"), dotted(keys)

    return grow(value, locate)


def _broken_toml(file: Path, text: str, error: str) -> str:
    found = _POSITION.search(error)
    lines = text.split("\n")
    line, column = (found[1], found[2]) if found and found[1] else (str(len(lines)), str(len(lines[-1]) + 1))
    return f"{file}:{line}:{column} (file): broken TOML: {_POSITION.sub('', error)}"


def _parse_json(file: Path, text: str) -> Node:
    try:
        value = json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise Broken(f"{file}:{error.lineno}:{error.colno} (file): broken JSON: {error.msg}") from None
    except KeyError as error:
        raise Broken(f"{file} (file): the key {error} stands twice in one table") from None
    if not isinstance(value, dict):
        raise Broken(f"{file}:1:1 (file): must be a table (an object)")
    return grow(value, _in_json(file))


def _in_json(file: Path) -> Locate:
    def locate(keys: Keys) -> tuple[Origin, str]:
        return Origin("file", f"{file} {dotted(keys)}".rstrip()), dotted(keys)

    return locate


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for key, value in pairs:
        if key in table:
            raise KeyError(key)
        table[key] = value
    return table
