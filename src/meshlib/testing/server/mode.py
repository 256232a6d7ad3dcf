"""How a fault server treats a request: pure data, so that a schedule, a test and a simulation can share it."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Literal, get_args

Answer = Literal["whole", "hang", "reset", "truncate", "drip_head", "drip_body"]
Close = Literal["no", "announced", "silent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """How a fault server treats each request. Use the named constructors, or combine fields with `replace`.

    status: the answer's status. headers: added to the answer. body: the answer's body, by default a short JSON text.
    delay: seconds before the answer begins. spread: sigma of a log-normal factor on `delay`, which is then the median.
    answer: what becomes of the answer. after: bytes sent before a `reset`, or bytes of the body left out by `truncate`.
    interval: for the drips, seconds between two bytes.
    close: after the answer: `no`, `announced` (`Connection: close`) or `silent` (closed without having said so).
    listening: False closes the listening socket and resets every connection.
    executes: whether a request counts as executed; on by default also where the answer never arrives.

    Raises ValueError for a status, a duration or a name out of range.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    delay: float = 0.0
    spread: float = 0.0
    answer: Answer = "whole"
    after: int = 0
    interval: float = 0.0
    close: Close = "no"
    listening: bool = True
    executes: bool = True

    def __post_init__(self) -> None:
        _among("answer", self.answer, get_args(Answer))
        _among("close", self.close, get_args(Close))
        if not 200 <= self.status <= 599:
            raise ValueError(f"Mode.status={self.status}: must be from 200 to 599")
        for name in ("delay", "spread", "after", "interval"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"Mode.{name}={getattr(self, name)}: must be 0 or more, and finite")

    @classmethod
    def ok(cls, delay: float = 0.0, spread: float = 0.0) -> Mode:
        """200 after `delay` seconds."""
        return cls(delay=delay, spread=spread)

    @classmethod
    def fail(cls, status: int = 500, retry_after: int | None = None) -> Mode:
        """An error status at once, with `Retry-After: seconds` if given."""
        headers = () if retry_after is None else (("Retry-After", str(retry_after)),)
        return cls(status=status, headers=headers)

    @classmethod
    def refuse(cls) -> Mode:
        """Nobody listens; connections there were are reset."""
        return cls(listening=False)

    @classmethod
    def hang(cls) -> Mode:
        """Accepts, reads, executes and never answers."""
        return cls(answer="hang")

    @classmethod
    def reset(cls, after: int = 0) -> Mode:
        """Executes, sends the first `after` bytes of the answer, then resets the connection."""
        return cls(answer="reset", after=after)

    @classmethod
    def drip_head(cls, interval: float = 0.1) -> Mode:
        """The head comes one byte per `interval` seconds, then the body at once."""
        return cls(answer="drip_head", interval=interval)

    @classmethod
    def drip_body(cls, interval: float = 0.1) -> Mode:
        """The head comes at once, the body one byte per `interval` seconds."""
        return cls(answer="drip_body", interval=interval)

    @classmethod
    def truncate(cls, missing: int = 1) -> Mode:
        """Announces the whole body, withholds its last `missing` bytes and closes."""
        return cls(answer="truncate", after=missing)

    @classmethod
    def close_silently(cls) -> Mode:
        """Answers as if the connection stayed open, and closes it."""
        return cls(close="silent")

    @classmethod
    def close_announced(cls) -> Mode:
        """Answers with `Connection: close`, and closes."""
        return cls(close="announced")

    def replace(self, **changes: object) -> Mode:
        """This mode with some fields changed."""
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type]

    def to_json(self) -> str:
        """One line that `from_json` reads; only the fields that differ from the defaults."""
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        told = {name: value for name, value in fields.items() if value != getattr(_DEFAULT, name)}
        if self.body is not None:
            told["body"] = self.body.decode("latin-1")
        return json.dumps(told)

    @classmethod
    def from_json(cls, line: str) -> Mode:
        """The mode that `to_json` wrote. Raises ValueError for an unknown field or a broken line."""
        told = json.loads(line)
        known = {f.name for f in dataclasses.fields(cls)}
        if not isinstance(told, dict) or not told.keys() <= known:
            raise ValueError(f"a mode is a JSON object with fields of {sorted(known)}, not {line.strip()!r}")
        if "body" in told:
            told["body"] = told["body"].encode("latin-1")
        told["headers"] = tuple((name, value) for name, value in told.get("headers", ()))
        return cls(**told)


def _among(field: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"Mode.{field}={value!r}: must be one of {', '.join(allowed)}")


_DEFAULT = Mode()
