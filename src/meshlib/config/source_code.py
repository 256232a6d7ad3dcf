"""What was given in code, as a tree."""

from __future__ import annotations

from collections.abc import Mapping

from meshlib.config.node import Node, Origin, dotted, grow
from meshlib.config.service import Service


def read_code(services: Mapping[str, object] | None, defaults: object | None, unconfigured: str | None) -> Node:
    """The tree of `Mesh(services=, defaults=, unconfigured=)`; what was not given is not in it."""
    given: dict[str, object] = {"unconfigured": unconfigured, "defaults": defaults}
    given["services"] = services
    if isinstance(services, Mapping):
        given["services"] = {key: item.given if isinstance(item, Service) else item for key, item in services.items()}
    return grow({key: value for key, value in given.items() if value is not None}, _locate)


def _locate(keys: tuple[str, ...]) -> tuple[Origin, str]:
    return Origin("code"), dotted(keys)
