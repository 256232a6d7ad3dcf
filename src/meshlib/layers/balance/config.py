"""The `balance` section."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Discriminator, Tag

from meshlib.config.section import Section, setting
from meshlib.config.values import Count, Duration, PositiveDuration

SUBSET_ABOVE = 64
"""A service of more endpoints than this is subset."""
_LATER = ("ring_hash", "maglev")


def _built(value: object) -> object:
    if value in _LATER:
        raise ValueError("is not built yet: must be p2c_ewma, round_robin, random or least_request")
    return value


def _size_or_off(value: object) -> str:
    return "<off>" if value is False else "<value>"


_Off = Annotated[Literal[False], Tag("<off>")]


class Balance(Section):
    """Chooses the endpoint of each attempt."""

    section: ClassVar[str] = "balance"

    policy: Annotated[Literal["p2c_ewma", "round_robin", "random", "least_request"], BeforeValidator(_built)] = setting(
        "p2c_ewma", "How an endpoint is chosen; p2c_ewma: the better of two by latency and load."
    )
    slow_start: Duration = setting(30.0, "How long an endpoint added later takes to its full share; 0: none.", unit="s")
    decay: PositiveDuration = setting(10.0, "How long a latency sample weighs in p2c_ewma's moving average.", unit="s")
    subset: Annotated[_Off | Annotated[Count, Tag("<value>")], Discriminator(_size_or_off)] = setting(
        32, f"How many endpoints this client uses of a service that has more than {SUBSET_ABOVE}; false: all."
    )
