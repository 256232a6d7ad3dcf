"""How one call ended, as the client process tells it: one JSON line."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Record:
    """due: when the call was meant to start, in seconds after the run's start. seconds: from then to its end.

    outcome: the status, or the name of the error's class. ok: whether a 2xx answer came, however late.
    late: the part of `seconds` that passed before the call really began, because this machine was busy.
    """

    due: float
    method: str
    ok: bool
    seconds: float
    attempts: int
    outcome: str
    late: float = 0.0

    def to_line(self) -> str:
        """One line that `from_line` reads."""
        return json.dumps(dataclasses.astuple(self))

    @classmethod
    def from_line(cls, line: str | bytes) -> Record:
        """The record that `to_line` wrote."""
        return cls(*json.loads(line))
