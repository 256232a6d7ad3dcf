"""Settings as they were written: trees of values in which every value knows where it came from.

All sources become such trees, so that precedence is one function (`merge`) and an error or `meshlib explain` can name
the line, the variable or the code a value was written in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from meshlib.config.section import Section

Kind = Literal["call", "code", "environment", "file", "default"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from. `where` is a variable's name or a `file:line`, and empty for code."""

    kind: Kind
    where: str = ""

    def __str__(self) -> str:
        return f"{self.where} ({self.kind})" if self.where else self.kind


DEFAULT = Origin("default")


@dataclass(frozen=True, slots=True)
class Node:
    """A value, or a table (a dict of nodes). `path` is its name in its source's own notation."""

    value: Any
    origin: Origin
    path: str

    @property
    def children(self) -> dict[str, Node] | None:
        return self.value if isinstance(self.value, dict) else None

    def get(self, *keys: str) -> Node | None:
        """The node under `keys`, None where there is none."""
        node: Node | None = self
        for key in keys:
            node = (node.children or {}).get(key) if node is not None else None
        return node

    def plain(self) -> Any:
        """The value without its origins, for validation."""
        if self.children is None:
            return self.value
        return {key: node.plain() for key, node in self.children.items()}


Locate = Callable[[tuple[str, ...]], tuple[Origin, str]]


def grow(value: object, locate: Locate, keys: tuple[str, ...] = ()) -> Node:
    """The tree of a plain value. Of a section only the fields that were given are taken: the rest is default.

    A section under another section's name stays a value, which no section accepts.
    """
    table: Mapping[str, object] | None = value if isinstance(value, Mapping) else None
    if isinstance(value, Section) and value.section in ("", *keys[-1:]):
        table = {name: getattr(value, name) for name in value.model_fields_set}
    if table is None:
        return Node(value, *locate(keys))
    return Node({str(key): grow(item, locate, (*keys, str(key))) for key, item in table.items()}, *locate(keys))


def merge(under: Node | None, over: Node | None) -> Node | None:
    """`over` wins field by field; where either is no table (a value, or `false`), it wins whole."""
    if under is None or over is None:
        return over if under is None else under
    if under.children is None or over.children is None:
        return over
    joined: dict[str, Any] = {**under.children}
    for key, node in over.children.items():
        joined[key] = merge(joined.get(key), node)
    return Node(joined, over.origin, over.path)


def merge_section(model: type[Section], under: Node | None, over: Node | None) -> Node | None:
    """As `merge`; a field of `over` that stands in place of another also drops that one from `under`."""
    if under is not None and over is not None and under.children and over.children:
        rivals = [*model.replaces.items(), *((other, field) for field, other in model.replaces.items())]
        dropped = {rival for field, rival in rivals if field in over.children}
        under = Node({k: n for k, n in under.children.items() if k not in dropped}, under.origin, under.path)
    return merge(under, over)


def dotted(keys: tuple[str, ...]) -> str:
    """A path as a file writes it: keys that hold dots or stars are quoted."""
    return ".".join(key if key.replace("-", "").replace("_", "").isalnum() else f'"{key}"' for key in keys)
