"""The breakers of one service, made one by one at an endpoint's first failure: the healthy pay nothing for them."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pybreaker import CircuitBreaker

from meshlib.layers.breaker.circuit import Circuit
from meshlib.layers.breaker.ejections import Ejections
from meshlib.layers.breaker.gate import EndpointGate, Gate
from meshlib.layers.breaker.policy import Rules
from meshlib.runtime.fork import new_rlock

if TYPE_CHECKING:
    from meshlib.endpoint import Endpoint, Endpoints
    from meshlib.layers.breaker.config import Breaker

_log = logging.getLogger("meshlib")


class Gates:
    """Makes and keeps the gates of a service; endpoints carry theirs, `of_service` stands for one without endpoints."""

    def __init__(self, settings: Breaker, service: str, endpoints: Endpoints) -> None:
        self.settings = settings
        self.rules = Rules(
            settings.consecutive_failures,
            settings.failure_ratio,
            settings.min_calls,
            settings.window,
            settings.open_min,
            settings.open_max,
        )
        self.of_service: Gate | None = None
        self._service = service
        self._ejections = Ejections(endpoints, service, acts=settings.enforce)
        self._lock = new_rlock()

    def find(self, endpoint: Endpoint | None) -> Any:
        """The gate, or None for what has never failed."""
        return self.of_service if endpoint is None else endpoint.gate

    def make(self, endpoint: Endpoint | None) -> Gate:
        """The gate; made now if this is the first failure."""
        with self._lock:
            found: Gate | None = self.find(endpoint)
            if found is not None:
                return found
            enforce = self.settings.enforce
            if endpoint is None:
                circuit, rules = self._circuit(self._service)
                self.of_service = gate = Gate(self._service, self._service, rules, circuit, enforce=enforce)
                return gate
            circuit, rules = self._circuit(endpoint.name)
            endpoint.gate = made = EndpointGate(
                self._service, endpoint, rules, circuit, self._ejections, enforce=enforce
            )
            return made

    def _circuit(self, name: str) -> tuple[Circuit, Rules]:
        """The user's, if a factory is given: its thresholds then stand in place of ours."""
        if self.settings.factory is not None:
            breaker = self._from_factory(name)
            if breaker is not None:
                rules = replace(
                    self.rules,
                    consecutive_failures=breaker.fail_max,
                    open_min=min(breaker.reset_timeout, self.rules.open_max),
                    trials=breaker.success_threshold,
                )
                return Circuit.adopt(breaker, self.settings.listeners), rules
        return Circuit.make(name, self.rules, self.settings.listeners), self.rules

    def _from_factory(self, name: str) -> CircuitBreaker | None:
        try:
            made = self.settings.factory(name)
        except Exception:  # noqa: BLE001 - whatever the user's function raises; a request must not fail for it
            _log.exception("breaker.factory failed for %s, which gets a breaker of meshlib's own", name)
            return None
        if isinstance(made, CircuitBreaker):
            return made
        _log.error(
            "breaker.factory returned a %s and no pybreaker.CircuitBreaker for %s, which gets one of meshlib's own",
            type(made).__name__,
            name,
        )
        return None
