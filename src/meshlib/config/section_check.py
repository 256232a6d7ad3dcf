"""Checks one section as one source gives it: each field by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import ValidationError

from meshlib.config.problems import about, of_section
from meshlib.config.section import is_code_only

if TYPE_CHECKING:
    from meshlib.config.node import Node
    from meshlib.config.section import Section


def check_section(model: type[Section], node: Node, problems: list[str]) -> Node | None:
    """The section's node (`true` becomes a table without fields), None if it cannot be used.

    Conflicts between fields are left alone: another source may yet settle them.
    """
    if node.value is True:
        node = replace(node, value={})
    if node.value is False and model.switchable:
        return node
    if node.children is None:
        ending = ", or false" if model.switchable else ""
        problems.append(about(node, f"must be a table of settings{ending}"))
        return None
    in_text = node.origin.kind not in ("code", "call")
    objects = {name: child for name, child in node.children.items() if in_text and is_code_only(model, name)}
    found = [about(child, "holds an object, so it can be given in code only") for child in objects.values()]
    found += _fields(model, node, {name: value for name, value in node.plain().items() if name not in objects})
    problems += found
    return None if found else node


def _fields(model: type[Section], node: Node, plain: dict[str, object]) -> list[str]:
    try:
        model.model_validate(plain)
    except ValidationError as error:
        return list(of_section(model, error, node, conflicts=False))
    return []
