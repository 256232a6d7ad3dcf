"""Checks the settings of one call, with the same models as those of a service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshlib.config.model import build_model
from meshlib.config.node import Node, Origin, grow
from meshlib.config.problems import about, meant, show
from meshlib.config.section_check import check_section
from meshlib.config.sections import SECTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

_TIMED = ("deadline", "attempt")
_ALLOWED = ("retry", "deadline", "attempt", "idempotent")


def check_options(given: Mapping[str, object], problems: list[str]) -> dict[str, Any]:
    """The model (or False) of every section in `given`; what is wrong goes to `problems`."""
    checked: dict[str, Any] = {}
    for name, value in given.items():
        if name not in _ALLOWED:
            problems.append(f"options.{name} (call): {_refusal(name)}")
        else:
            checked[name] = _section(name, value, problems)
    problems.extend(_too_long(checked))
    return checked


def _refusal(name: str) -> str:
    if name in SECTIONS:
        return f"cannot be set for one call; {meant('', _ALLOWED)}"
    return f'unknown name "{name}"; {meant(name, _ALLOWED)}'


def _section(name: str, value: object, problems: list[str]) -> Any:
    if name in _TIMED and isinstance(value, int | float | str) and not isinstance(value, bool):
        value = {"timeout": value}
    node = check_section(SECTIONS[name], grow(value, _locate, (name,)), problems)
    return _model(name, node, problems) if node is not None else None


def _model(name: str, node: Node, problems: list[str]) -> Any:
    return False if node.value is False else build_model(SECTIONS[name], node, problems)


def _locate(keys: tuple[str, ...]) -> tuple[Origin, str]:
    return Origin("call"), ".".join(("options", *keys))


def _too_long(checked: dict[str, Any]) -> list[str]:
    attempt, deadline = (getattr(checked.get(name) or None, "timeout", None) for name in ("attempt", "deadline"))
    if attempt is None or deadline is None or attempt <= deadline:
        return []
    node = Node(attempt, *_locate(("attempt", "timeout")))
    return [about(node, f"must not be longer than options.deadline.timeout = {show(deadline)}")]
