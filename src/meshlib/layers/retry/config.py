"""The `retry` section. Why its defaults are what they are: DESIGN section 6 and docs/layers/retry.md."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Discriminator, Tag

from meshlib.config.section import Section, setting
from meshlib.config.values import Amount, Count, Duration, PositiveDuration, Ratio, Size

if TYPE_CHECKING:
    from collections.abc import Iterator

Reason = int | Literal["connection", "timeout"]
_STATUSES = range(400, 600)


class Backoff(Section):
    """How long to wait before a retry: exponential, `min(max, base * 2**retries)`, with jitter."""

    base: PositiveDuration = setting(0.025, "The wait before the first retry, doubled for each further one.", unit="s")
    max: PositiveDuration = setting(
        1.0, "The longest wait. A Retry-After that asks for more is not waited for.", unit="s"
    )
    jitter: Literal["full", "equal", "none"] = setting(
        "full", "The random part of a wait: all of it, its upper half, or nothing."
    )

    def conflicts(self) -> Iterator[str]:
        if self.base > self.max:
            yield f"base ({self.base:g}s) must not be longer than max ({self.max:g}s)"


class Budget(Section):
    """The share of calls that may be retried, credited by successes, so that retries never multiply an outage."""

    ratio: Ratio = setting(0.1, "Tokens that each successful call adds; a retry costs one.")
    cap: Count = setting(10, "The most tokens that are kept; the budget starts with as many.")
    floor: Amount = setting(
        0.1, "Tokens that are added whatever happens; 0.1 is one every 10 s.", unit="tokens per second"
    )


def _shape_of(value: object) -> str:
    return "<table>" if isinstance(value, dict | Section) else "<value>"


def _reasons(value: object) -> object:
    if not isinstance(value, list | tuple | set | frozenset):
        raise ValueError('must be a list of HTTP statuses and the words "connection" and "timeout"')
    for item in value:
        is_status = isinstance(item, int) and not isinstance(item, bool) and item in _STATUSES
        if not is_status and item not in ("connection", "timeout"):
            raise ValueError(f'holds {item!r}: allowed are HTTP statuses 400 to 599, "connection" and "timeout"')
    return tuple(dict.fromkeys(value))


def _strategy(value: object) -> object:
    if isinstance(value, type):
        raise ValueError(f"is the class {value.__name__}: call it to make a strategy")
    if value is not None and not callable(value):
        raise ValueError("must be a tenacity strategy, or a callable that takes tenacity's retry state")
    return value


_Off = Annotated[Literal[False], Tag("<value>")]
_Constant = Annotated[Duration, Tag("<value>")]
_Strategy = Annotated[Any, BeforeValidator(_strategy)]


class Retry(Section):
    """Sends a failed attempt again, where that is safe and the budget allows."""

    section: ClassVar[str] = "retry"
    replaces: ClassVar[dict[str, str]] = {"stop": "max_attempts", "wait": "backoff", "retry": "on"}

    max_attempts: Count = setting(3, "Attempts per call, the first one included.")
    backoff: Annotated[_Constant | Annotated[Backoff, Tag("<table>")], Discriminator(_shape_of)] = setting(
        Backoff(),
        "The wait before a retry: a duration is constant, without jitter; a table is exponential.",
        unit="s",
    )
    budget: Annotated[_Off | Annotated[Budget, Tag("<table>")], Discriminator(_shape_of)] = setting(
        Budget(), "The share of calls that may be retried; false: any number."
    )
    on: Annotated[Sequence[Reason], BeforeValidator(_reasons)] = setting(
        ("connection", "timeout", 429, 500, 502, 503, 504),
        "What may be retried where the method allows it: HTTP statuses, "
        '"connection" (refused, reset, cut short), "timeout" (a configured attempt timeout).',
    )
    buffer_body: Size = setting(
        64 * 1024, "How much of a body that can be read only once is kept so that it can be sent again.", unit="bytes"
    )
    stop: _Strategy = setting(None, "A tenacity stop strategy, in place of max_attempts.", code_only=True)
    wait: _Strategy = setting(None, "A tenacity wait strategy, in place of backoff.", code_only=True)
    retry: _Strategy = setting(None, "A tenacity retry strategy, in place of on.", code_only=True)
