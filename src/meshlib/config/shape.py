"""Checks each source by itself, so that a wrong value is reported even where a stronger source overrides it.

What may depend on another source (`attempt.timeout` against `deadline.timeout`) is checked on the merged settings.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from meshlib.config.hosts import host_list, parse_host
from meshlib.config.node import Node
from meshlib.config.problems import about, meant, nearest, unknown
from meshlib.config.section_check import check_section
from meshlib.config.sections import NOT_BUILT, SECTIONS, SERVICE_KEYS, UNCONFIGURED
from meshlib.discovery.config import parse_endpoints, parse_source

Scope = dict[str, Node]
"""The sections, and for a service its `discovery`, `hosts` and `endpoints`, of one source."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What is right in one source. `bad` names what is not, as (service or None, section): it is not judged further."""

    unconfigured: Node | None = None
    defaults: Scope = field(default_factory=dict)
    services: dict[str, Scope] = field(default_factory=dict)
    bad: set[tuple[str | None, str]] = field(default_factory=set)


def check_source(source: Node, problems: list[str]) -> Checked:
    """`source` with its values checked and discovery URLs parsed; each thing that is wrong is added to `problems`."""
    checked = Checked(_unconfigured(source.get("unconfigured"), problems))
    for name, node in (source.children or {}).items():
        if name not in ("unconfigured", "defaults", "services"):
            problems.append(_misplaced(node, name) or unknown(node, name, ("unconfigured", "defaults", "services")))
    for name, node in _table(source.get("defaults"), "a table of sections", problems).items():
        _add(checked, None, name, node, problems)
    for key, node in _table(source.get("services"), "a table of services", problems).items():
        _service(checked, key, node, problems)
    return checked


def _misplaced(node: Node, name: str) -> str:
    if name not in SECTIONS and name not in NOT_BUILT:
        return ""
    return about(node, f'unknown name "{name}"; did you mean defaults.{name}?', value=False)


def _table(node: Node | None, wanted: str, problems: list[str]) -> Scope:
    if node is None:
        return {}
    if node.children is None:
        problems.append(about(node, f"must be {wanted}"))
    return node.children or {}


def _unconfigured(node: Node | None, problems: list[str]) -> Node | None:
    if node is None or node.value in UNCONFIGURED:
        return node
    guess = nearest(str(node.value), UNCONFIGURED)
    problems.append(about(node, f"must be {', '.join(UNCONFIGURED)}" + (f"; did you mean {guess}?" if guess else "")))
    return None


def _service(checked: Checked, key: str, node: Node, problems: list[str]) -> None:
    try:
        parse_host(key)
    except ValueError as error:
        problems.append(about(node, f"a service's name {error}"))
        return
    scope = _table(node, "a table of settings", problems)
    key = key.lower().rstrip(".")
    if key in checked.services:
        problems.append(about(node, f"the service {key} stands twice here, in two spellings", value=False))
    checked.services.setdefault(key, {})
    for name, item in scope.items():
        _add(checked, key, name, item, problems)
    if "discovery" in scope and "endpoints" in scope:
        problems.append(about(scope["endpoints"], "stands in place of discovery: give one of them", value=False))


def _add(checked: Checked, key: str | None, name: str, node: Node, problems: list[str]) -> None:
    """Check one entry of the defaults (key None) or of a service, and keep it if it is right."""
    before = len(problems)
    kept = _entry(name, node, SERVICE_KEYS if key is not None else {}, problems)
    if len(problems) > before:
        checked.bad.add((key, name))
    elif kept is not None:
        (checked.defaults if key is None else checked.services[key])[name] = kept


def _entry(name: str, node: Node, service_keys: dict[str, str], problems: list[str]) -> Node | None:
    if name in SECTIONS:
        return check_section(SECTIONS[name], node, problems)
    try:
        if name in service_keys:
            return replace(node, value=_PARSERS[name](node.plain()))
    except ValueError as error:
        problems.append(about(node, str(error)))
        return None
    if name in NOT_BUILT:
        problems.append(about(node, f"the section {name} is not built yet; {meant('', SECTIONS)}", value=False))
    elif name in SERVICE_KEYS:
        problems.append(about(node, f"{name} belongs to a service, not to the defaults"))
    else:
        problems.append(unknown(node, name, (*SECTIONS, *service_keys)))
    return None


def _discovery(value: object) -> object:
    if isinstance(value, list | tuple) and len(value) > 1:
        raise ValueError("is a list of several URLs, which is not built yet: give one")
    url = value[0] if isinstance(value, list | tuple) and value else value
    if not isinstance(url, str):
        raise ValueError("must be a discovery URL")
    return parse_source(url)


_PARSERS = {"discovery": _discovery, "hosts": host_list, "endpoints": parse_endpoints}
