"""The kinds of value a setting can have, beyond what pydantic brings.

Numbers are strict: `true` is no number and `"4"` is none either, so a slip in a file is an error and not a surprise.
"""

from __future__ import annotations

import math
import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, Strict

_SECONDS = {"ms": 1 / 1000, "s": 1, "m": 60, "h": 3600}
_BYTES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_QUANTITY = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*([A-Za-zµ]*)\s*")

DURATION = 'a duration: a number of seconds, or text with a unit (ms, s, m, h) such as "250ms"'
SIZE = 'a size: a whole number of bytes, or text with a unit (B, KB, MB, GB, KiB, MiB, GiB) such as "64KiB"'


def parse_duration(value: object) -> float:
    """Seconds from a number of seconds or from text like "250ms", "1s", "5m", "1h".

    Raises ValueError for anything else, and for what is negative, infinite or not a number.
    """
    seconds = _quantity(value, _SECONDS, "s", DURATION)
    if not math.isfinite(seconds):
        raise ValueError(f"must be finite: {DURATION}")
    if seconds < 0:
        raise ValueError("must not be negative")
    return seconds


def parse_size(value: object) -> int:
    """Bytes from a whole number or from text like "64KiB". Raises ValueError for anything else."""
    size = _quantity(value, _BYTES, "B", SIZE)
    if size < 0 or not math.isfinite(size) or size != int(size):
        raise ValueError(f"must be {SIZE}")
    return int(size)


def _quantity(value: object, units: dict[str, Any], bare: str, wanted: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _float(value)
    found = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"must be {wanted}")
    number, unit = found.groups()
    if unit and unit not in units:
        raise ValueError(f'has the unknown unit "{unit}": must be {wanted}')
    # Divided for "ms" so that "300ms" is exactly the float 0.3 that code would say.
    return float(number) / 1000 if unit == "ms" else float(number) * float(units[unit or bare])


def _float(number: float) -> float:
    """An integer too large for a float is as good as infinite."""
    try:
        return float(number)
    except OverflowError:
        return math.inf


def _flag(value: object) -> object:
    """0 and 1 are how an environment says false and true."""
    return bool(value) if type(value) is int and value in (0, 1) else value


Duration = Annotated[float, BeforeValidator(parse_duration)]
PositiveDuration = Annotated[float, BeforeValidator(parse_duration), Field(gt=0)]
Size = Annotated[int, BeforeValidator(parse_size)]
PositiveSize = Annotated[int, BeforeValidator(parse_size), Field(ge=1)]
Flag = Annotated[bool, BeforeValidator(_flag), Strict()]
Count = Annotated[int, Strict(), Field(ge=1)]
Ratio = Annotated[float, Strict(), Field(ge=0, le=1, allow_inf_nan=False)]
Share = Annotated[float, Strict(), Field(gt=0, le=1, allow_inf_nan=False)]
Amount = Annotated[float, Strict(), Field(ge=0, allow_inf_nan=False)]
