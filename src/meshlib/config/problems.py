"""What is wrong with a configuration, in words: the path as the user wrote it, its origin, its value, what is allowed.

Every text goes through `show`, so no password or key that strayed into a setting gets into a message.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from meshlib.config.section import CONFLICT, Section, table_in
from meshlib.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from meshlib.config.node import Node

_USER = re.compile(r"""(\w+://)?[^\s'"]*@""")
_PRIVATE = "token|password|secret|key"
_TOKEN = re.compile(rf"((?:{_PRIVATE})=)[^&\s]+", re.IGNORECASE)
_ENTRY = re.compile(rf"""('[^']*(?:{_PRIVATE})[^']*': )(?:'[^']*'|"[^"]*")""", re.IGNORECASE)  # in the repr of a table
_LONGEST = 120
_BOUNDS = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("more than", "gt"),
    "less_than_equal": ("at most", "le"),
    "less_than": ("less than", "lt"),
}
_TYPES = {
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "model_type": "must be a table of settings, or false",
    "dict_type": "must be a table of settings, or false",
}


def show(value: object) -> str:
    """A value for a message, without passwords, tokens or key material, and not longer than a line."""
    if isinstance(value, Section):
        return repr(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float | list | tuple | dict | None):
        text = f'"{value}"' if isinstance(value, str) else str(list(value) if isinstance(value, tuple) else value)
    else:
        text = f'"{value}"' if hasattr(value, "__fspath__") else f"<{type(value).__name__}>"
    return "(not shown: it looks like a key)" if "-----BEGIN" in text else _shorten(redact(text))


def redact(text: str) -> str:
    """A URL or a table without its user, password and tokens."""
    return _ENTRY.sub(r"\1***", _TOKEN.sub(r"\1***", _USER.sub(r"\1***@", text)))


def _shorten(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that was probably meant, else an empty text."""
    return next(iter(get_close_matches(name, list(known), n=1, cutoff=0.6)), "")


def meant(name: str, known: Iterable[str]) -> str:
    """The end of a message about a name nobody knows: what was probably meant, else all there is."""
    known = sorted(known)
    guess = nearest(name, known)
    return f"did you mean {guess}?" if guess else f"known are {', '.join(known)}"


def about(node: Node, text: str, *, value: bool = True) -> str:
    """One problem. `value=False` for what is not a setting of ours, and so may be anybody's secret."""
    shown = f" = {show(node.value)}" if value and node.children is None else ""
    return _ENTRY.sub(r"\1***", f"{node.path}{shown} ({place(node)}): {text}")


def place(node: Node) -> str:
    """Where a value stands, without what its path already says."""
    return node.origin.where if node.origin.kind == "file" else node.origin.kind


def unknown(node: Node, name: str, known: Iterable[str]) -> str:
    """A key that is not in a table of settings. In a variable the nearest right variable is named."""
    known = list(known)
    guess = next((f"{own}__{name[len(own) + 1 :]}" for own in known if name.startswith(f"{own}_")), "")
    guess = guess if node.origin.kind == "environment" and guess else nearest(name, known)
    segment = f"__{name.upper().replace('-', '_')}"
    if guess and node.origin.kind == "environment" and segment in node.path:
        head, _, tail = node.path.rpartition(segment)
        return about(node, f'unknown name "{name}"; did you mean {head}__{guess.upper()}{tail}?', value=False)
    return about(node, f'unknown name "{name}"; {meant(name, known)}', value=False)


def of_section(model: type[Section], error: ValidationError, node: Node, *, conflicts: bool) -> Iterator[str]:
    """The problems pydantic found in one section: either those of single fields, or those between fields."""
    for detail in error.errors(include_url=False):
        if (detail["type"] == CONFLICT) is not conflicts:
            continue
        keys = field_path(detail)
        found = _deepest(node, keys)
        if detail["type"] == "extra_forbidden":
            yield unknown(found, keys[-1], fields_at(model, keys[:-1]))
        else:
            yield about(found, phrase(detail), value=not conflicts)


def in_code(model: type[Section], error: ValidationError) -> ConfigError:
    """The error of a section that is made in code, at the line that makes it."""
    problems = []
    for detail in error.errors(include_url=False):
        keys = field_path(detail)
        name = ".".join((model.__name__, *keys))
        if detail["type"] == "extra_forbidden":
            problems.append(f'{name} (code): unknown name "{keys[-1]}"; {meant(keys[-1], fields_at(model, keys[:-1]))}')
        elif detail["type"] == CONFLICT:
            problems.append(f"{name} (code): {phrase(detail)}")
        else:
            problems.append(f"{name} = {show(detail['input'])} (code): {phrase(detail)}")
    return ConfigError(problems)


def field_path(detail: ErrorDetails) -> tuple[str, ...]:
    """pydantic's path without the names of union members (`<table>`) and positions in lists."""
    return tuple(str(key) for key in detail["loc"] if not isinstance(key, int) and not key.startswith("<"))


def fields_at(model: type[Section] | None, keys: tuple[str, ...]) -> list[str]:
    for key in keys:
        model = table_in(model.model_fields[key].annotation) if model is not None else None
    return list(model.model_fields) if model is not None else []


def phrase(detail: ErrorDetails) -> str:
    """What is allowed, in our words rather than pydantic's."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind in _BOUNDS:
        words, bound = _BOUNDS[kind]
        return f"must be {words} {context[bound]:g}"
    if kind == "literal_error":
        return _choice(detail["input"], str(context["expected"]))
    return _TYPES.get(kind, detail["msg"])


def _choice(given: Any, expected: str) -> str:
    guess = nearest(given, re.findall("'([^']*)'", expected)) if isinstance(given, str) else ""
    return f"must be {expected.replace('False', 'false')}" + (f"; did you mean {guess}?" if guess else "")


def _deepest(node: Node, keys: tuple[str, ...]) -> Node:
    for key in keys:
        node = node.get(key) or node
    return node
