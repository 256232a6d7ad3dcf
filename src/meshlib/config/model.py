"""Turns one merged section into its model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from meshlib.config.problems import of_section

if TYPE_CHECKING:
    from meshlib.config.node import Node
    from meshlib.config.section import Section


def build_model(model: type[Section], node: Node | None, problems: list[str]) -> Section | None:
    """The section's model, None where it is off; fields that cannot stand beside each other go to `problems`."""
    if node is None:
        return model() if model.default_on else None
    if node.value is False:
        return None
    try:
        return model.model_validate(node.plain())
    except ValidationError as error:
        problems += [text for kind in (False, True) for text in of_section(model, error, node, conflicts=kind)]
        return None
