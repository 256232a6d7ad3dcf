"""The settings of one service after merging: checked models, and for every value where it came from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from meshlib.config.model import build_model
from meshlib.config.node import DEFAULT, Node, Origin, grow, merge_section
from meshlib.config.sections import SECTIONS
from meshlib.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meshlib.config.options import Options
    from meshlib.discovery.config import Source
    from meshlib.layers.attempt.config import Attempt
    from meshlib.layers.balance.config import Balance
    from meshlib.layers.breaker.config import Breaker
    from meshlib.layers.deadline.config import Deadline
    from meshlib.layers.retry.config import Retry
    from meshlib.layers.tracing.config import Tracing
    from meshlib.wire.config import Tls, Wire


@dataclass(frozen=True, eq=False)
class Settings:
    """A section's model, or None where it is switched off. `tls` is None unless it is given.

    `key` is None for the defaults alone, which are what an unconfigured host gets under `unconfigured = "mesh"`.
    """

    key: str | None
    retry: Retry | None
    deadline: Deadline | None
    attempt: Attempt | None
    balance: Balance | None
    breaker: Breaker | None
    tracing: Tracing | None
    wire: Wire
    tls: Tls | None
    discovery: Source | None = None
    hosts: tuple[str, ...] = ()
    nodes: Mapping[str, Node] = field(default_factory=dict, repr=False)
    """What was written, by section (and `discovery`, `hosts`), merged."""

    def origin(self, section: str, *field: str) -> str:
        """Where a value came from, in words; "default" if nobody gave it."""
        return str(self._origin(section, *field))

    def _origin(self, section: str, *field: str) -> Origin:
        node = self.nodes.get(section)
        if node is not None and field and node.children is not None:
            node = node.get(*field)
        return node.origin if node is not None else DEFAULT

    def configured(self, section: str) -> bool:
        """Whether anybody wrote this section, for this service or in the defaults."""
        return section in self.nodes

    def is_set(self, section: str, *field: str) -> bool:
        """Whether anybody wrote this field; `is_set("retry", "backoff")` is also true of a part of it."""
        node = self.nodes.get(section)
        return node is not None and node.get(*field) is not None

    def replace(self, options: Options) -> Settings:
        """These settings with those of one call over them, field by field.

        Raises ConfigError if a field given for the call cannot stand beside one that is configured.
        """
        nodes = dict(self.nodes)
        for section, given in options.sections().items():
            node = grow(given, lambda keys: (Origin("call"), ".".join(keys)), (section,))
            nodes[section] = merge_section(SECTIONS[section], nodes.get(section), node) or node
        changed: dict[str, Any] = {name: _model(name, nodes[name]) for name in options.sections()}
        return replace(self, nodes=nodes, **changed)


def _model(section: str, node: Node) -> Any:
    problems: list[str] = []
    model = build_model(SECTIONS[section], node, problems)
    if problems:
        raise ConfigError(problems)
    return model
