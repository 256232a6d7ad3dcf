"""Merges what all sources say about one service, and checks what only the whole can tell.

Precedence, field by field: the service's own fields before the defaults; within each, code before environment before
file; last the models' own defaults.
"""

from __future__ import annotations

from functools import partial, reduce
from typing import TYPE_CHECKING, Any

from meshlib.config.model import build_model
from meshlib.config.node import Node, merge_section
from meshlib.config.problems import about, place, show
from meshlib.config.sections import SECTIONS
from meshlib.config.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from meshlib.config.shape import Checked


def effective(key: str | None, sources: Sequence[Checked], problems: list[str]) -> Settings:
    """The settings of service `key` (None: the defaults alone) from `sources`, the strongest first."""
    bad = {name for source in sources for scope, name in source.bad if scope in (None, key)}
    nodes = {name: node for name in SECTIONS if name not in bad and (node := _merged(key, name, sources)) is not None}
    models: dict[str, Any] = {name: build_model(SECTIONS[name], nodes.get(name), problems) for name in SECTIONS}
    own = [source.services[key] for source in sources if key is not None and key in source.services]
    found = next((s.get("endpoints") or s["discovery"] for s in own if s.keys() & {"discovery", "endpoints"}), None)
    hosts = next((scope["hosts"] for scope in own if "hosts" in scope), None)
    nodes |= {name: node for name, node in (("discovery", found), ("hosts", hosts)) if node is not None}
    settings = Settings(
        key=key,
        discovery=found.value if found is not None else None,
        hosts=hosts.value if hosts is not None else (),
        nodes=nodes,
        **models,
    )
    problems.extend(_conflicts(settings))
    return settings


def _merged(key: str | None, name: str, sources: Sequence[Checked]) -> Node | None:
    weakest_first = [source.defaults.get(name) for source in reversed(sources)]
    if key is not None:
        weakest_first += [source.services.get(key, {}).get(name) for source in reversed(sources)]
    merged: Node | None = reduce(partial(merge_section, SECTIONS[name]), weakest_first, None)
    return merged


def _conflicts(settings: Settings) -> Iterator[str]:
    attempt, deadline = settings.attempt, settings.deadline
    if attempt and deadline and attempt.timeout and deadline.timeout and attempt.timeout > deadline.timeout:
        own, other = settings.nodes["attempt"].get("timeout"), settings.nodes["deadline"].get("timeout")
        assert own is not None, "it has no default"
        assert other is not None, "it has no default"
        yield about(own, f"must not be longer than {other.path} = {show(other.value)} ({place(other)})")
    if settings.discovery is not None and "balance" in settings.nodes and settings.balance is None:
        node = settings.nodes["balance"]
        if node.value is False:
            yield about(node, f"cannot be off where {settings.key} has discovery: nothing else picks its endpoints")
