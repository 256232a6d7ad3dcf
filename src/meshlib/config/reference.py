"""Writes `docs/settings.md` from the models, so that the page cannot say anything else than the code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from pydantic import BeforeValidator

from meshlib.config.problems import show
from meshlib.config.section import Section, is_code_only, table_in
from meshlib.config.sections import NOT_BUILT, SECTIONS, SERVICE_KEYS, UNCONFIGURED
from meshlib.config.values import DURATION, SIZE, parse_duration, parse_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

_SIGNS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
_WORDS = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    Path: "path",
    str: "path",
}  # the only text is a path
_HEAD = """# Settings

Generated from the models by `python -m meshlib.config.reference`; a test compares the two.

A service is a table `[services.<name>]`; every section may stand in it and under `[defaults]`. Field by field, a
service's own value beats the defaults, and within each code beats the environment, which beats the file. `false` in
place of a section switches it off; `true` switches it on with what is set elsewhere.

In the environment the path is written with double underscores: `MESHLIB_SERVICES__<SERVICE>__` or `MESHLIB_DEFAULTS__`
before the names in the last column. A service's name is lower-cased there and `_` becomes `-`. A variable that names
only the section holds all of it as an inline table, in TOML's or JSON's notation. An empty variable is not set.
"""


def settings_page() -> str:
    """The whole page, as Markdown."""
    parts = [_HEAD, *(f"{kind[0].upper()}{kind[1:].replace(':', ' is', 1)}." for kind in (DURATION, SIZE))]
    parts += ["", *_top(), *(line for model in SECTIONS.values() for line in _section(model))]
    parts += [f"Not built yet, and refused: {', '.join(f'`{name}`' for name in NOT_BUILT)}.", ""]
    return "\n".join(parts)


def _top() -> Iterator[str]:
    yield from ("## The top level", "", "| name | default | meaning | environment |", "| --- | --- | --- | --- |")
    meaning = f"Hosts that no service names: {', '.join(f'`{choice}`' for choice in UNCONFIGURED)}."
    yield f"| `unconfigured` | `safe` | {meaning} | `MESHLIB_UNCONFIGURED` |"
    yield "| | | The path of the file, `.toml` or `.json`. | `MESHLIB_CONFIG` |"
    yield "| | `1` | 0: clients are plain httpx. | `MESHLIB_ENABLED` |"
    yield from ("", "## A service", "", "| name | meaning | environment |", "| --- | --- | --- |")
    yield from (f"| `{name}` | {text} | `…{name.upper()}` |" for name, text in SERVICE_KEYS.items())
    yield ""


def _section(model: type[Section]) -> Iterator[str]:
    yield from (f"## {model.section}", "", _first_line(model), "")
    if not model.switchable:
        yield from ("It cannot be switched off.", "")
    yield "| name | type | unit | default | range | meaning | environment |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    yield from _rows(model, (model.section,))
    yield ""


def _first_line(model: type[Section]) -> str:
    return (model.__doc__ or "").partition("\n")[0]


def _rows(model: type[Section], above: tuple[str, ...]) -> Iterator[str]:
    for name, info in model.model_fields.items():
        path = (*above, name)
        variable = "code only" if is_code_only(model, name) else f"`…{'__'.join(path).upper()}`"
        cells = (f"`{'.'.join(path[1:])}`", _type(info), _unit(info), _default(info), _range(info))
        yield f"| {' | '.join(cells)} | {info.description} | {variable} |"
        table = table_in(info.annotation)
        if table is not None:
            yield from _rows(table, path)


def _unit(info: FieldInfo) -> str:
    extra = info.json_schema_extra
    return str(extra["unit"]) if isinstance(extra, dict) else ""


def _default(info: FieldInfo) -> str:
    if isinstance(info.default, Section):
        return "the table's own"
    return "none" if info.default in (None, ()) else f"`{show(info.default)}`"


def _type(info: FieldInfo) -> str:
    return " or ".join(dict.fromkeys(_kinds(info.annotation, info.metadata)))


def _kinds(annotation: Any, metadata: list[Any]) -> Iterator[str]:
    readers = [item.func for item in metadata if isinstance(item, BeforeValidator)]
    if parse_duration in readers or parse_size in readers:
        yield "duration" if parse_duration in readers else "size"
    elif annotation is Any:
        yield "object"
    elif annotation in _WORDS:
        yield _WORDS[annotation]
    elif isinstance(annotation, type) and issubclass(annotation, Section):
        yield "table"
    elif get_origin(annotation) is Literal:
        yield from (
            f"`{show(choice)}`" if isinstance(choice, bool) else f"`{choice}`" for choice in get_args(annotation)
        )
    elif get_origin(annotation) is Sequence:
        yield "list"
    else:
        yield from _members(annotation)


def _members(annotation: Any) -> Iterator[str]:
    """Of a union; a member that carries metadata is `Annotated[type, ...]`."""
    for member in get_args(annotation):
        metadata = list(getattr(member, "__metadata__", ()))
        yield from _kinds(member.__origin__ if metadata else member, metadata)


def _range(info: FieldInfo) -> str:
    found = list(info.metadata)
    for member in get_args(info.annotation):
        found += getattr(member, "__metadata__", ())
    bounds = [item for entry in found for item in (entry, *getattr(entry, "metadata", ()))]
    texts = (
        f"{sign} {getattr(item, name):g}" for item in bounds for name, sign in _SIGNS.items() if hasattr(item, name)
    )
    return ", ".join(dict.fromkeys(texts))


if __name__ == "__main__":
    print(settings_page(), end="")  # noqa: T201 - how the page is written
