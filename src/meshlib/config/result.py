"""A whole configuration, checked: what a Mesh is built from."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, cast

from meshlib.config.hosts import Routes
from meshlib.config.node import DEFAULT, Node

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meshlib.config.settings import Settings

Unconfigured = Literal["safe", "mesh", "direct", "refuse"]


@dataclass(frozen=True, eq=False)
class Config:
    """Made by `load`. Every service's settings are merged and checked when it is made."""

    enabled: bool
    services: Mapping[str, Settings]
    """Every service, by its key."""
    defaults: Settings
    """The defaults alone."""
    unconfigured_node: Node | None
    routes: Routes

    @classmethod
    def of(
        cls, defaults: Settings, services: Mapping[str, Settings], *, enabled: bool, unconfigured: Node | None
    ) -> Config:
        routes = Routes({key: settings.hosts for key, settings in services.items()})
        return cls(enabled, MappingProxyType(dict(services)), defaults, unconfigured, routes)

    @property
    def unconfigured(self) -> Unconfigured:
        """What happens to hosts that no service names."""
        return cast("Unconfigured", self.unconfigured_node.value) if self.unconfigured_node is not None else "safe"

    @property
    def unconfigured_origin(self) -> str:
        """Where `unconfigured` came from, in words."""
        return str(self.unconfigured_node.origin if self.unconfigured_node is not None else DEFAULT)

    def match(self, host: str, port: int | None) -> str | None:
        """The key of the service a request's host means: an exact key, a name under `hosts`, the longest pattern.

        `port` is the port that will be dialled (443 for https without one); None matches entries without a port only.
        """
        return self.routes.match(host, port)

    def settings(self, key: str | None) -> Settings:
        """The settings of a service, the same object every time; of None the defaults alone."""
        return self.defaults if key is None else self.services[key]
