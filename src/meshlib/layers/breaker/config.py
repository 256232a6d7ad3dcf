"""The `breaker` section."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import BeforeValidator

from meshlib.config.section import Section, setting
from meshlib.config.values import Count, Flag, PositiveDuration, Share

if TYPE_CHECKING:
    from collections.abc import Iterator


def _listeners(value: object) -> object:
    from pybreaker import CircuitBreakerListener

    given = tuple(value) if isinstance(value, list | tuple) else (value,)
    if not all(isinstance(item, CircuitBreakerListener) for item in given):
        raise ValueError("must be a list of pybreaker.CircuitBreakerListener objects")
    return given


def _factory(value: object) -> object:
    if value is not None and not callable(value):
        raise ValueError("must be a callable that returns a pybreaker.CircuitBreaker")
    return value


class Breaker(Section):
    """Leaves an endpoint out while it fails hard, and lets one trial through after a growing time."""

    section: ClassVar[str] = "breaker"

    consecutive_failures: Count = setting(5, "So many hard failures in a row open it.")
    failure_ratio: Share = setting(0.5, "So large a share of failures within the window opens it.")
    min_calls: Count = setting(10, "Attempts within the window below which the ratio says nothing.")
    window: PositiveDuration = setting(30.0, "How far back the ratio looks.", unit="s")
    open_min: PositiveDuration = setting(
        5.0, "How long it stays open the first time, doubled each further time.", unit="s"
    )
    open_max: PositiveDuration = setting(300.0, "The longest it stays open.", unit="s")
    enforce: Flag = setting(True, "false: decide and report, but do not act.")
    listeners: Annotated[Sequence[Any], BeforeValidator(_listeners)] = setting(
        (), "pybreaker.CircuitBreakerListener objects that are told of state changes.", code_only=True
    )
    factory: Annotated[Any, BeforeValidator(_factory)] = setting(
        None,
        "Called with an endpoint's name, returns its pybreaker.CircuitBreaker in place of meshlib's.",
        code_only=True,
    )

    def conflicts(self) -> Iterator[str]:
        if self.open_min > self.open_max:
            yield f"open_min ({self.open_min:g}s) must not be longer than open_max ({self.open_max:g}s)"
