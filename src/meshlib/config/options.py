"""Settings of one call: `client.get(url, extensions=meshlib.options(retry=False, deadline=0.2))`.

Importing this module imports no model; the first use does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from meshlib.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meshlib.config.section import Section
    from meshlib.layers.attempt.config import Attempt
    from meshlib.layers.deadline.config import Deadline
    from meshlib.layers.retry.config import Retry

    Table = Mapping[str, Any]

_PER_CALL = ("retry", "deadline", "attempt")


@dataclass(frozen=True, slots=True)
class Options:
    """What one call sets; None is not set, False is off. Hashable, so that chains can be kept by it."""

    retry: Retry | Literal[False] | None = None
    deadline: Deadline | Literal[False] | None = None
    attempt: Attempt | Literal[False] | None = None
    idempotent: bool | None = None

    @property
    def bounds(self) -> bool:
        """Whether the call says for itself how long it may take: a timeout, or none."""
        return self.deadline is False or (self.deadline is not None and "timeout" in self.deadline.model_fields_set)

    @property
    def only_a_time(self) -> bool:
        """Whether a deadline's length is all that this call sets: the door stamps it, and no layer need be another."""
        if self.retry is not None or self.attempt is not None:
            return False
        return not self.deadline or self.deadline.model_fields_set <= {"timeout"}

    def sections(self) -> dict[str, Section | Literal[False]]:
        """The sections that are set."""
        given: dict[str, Section | Literal[False] | None] = {name: getattr(self, name) for name in _PER_CALL}
        return {name: value for name, value in given.items() if value is not None}


def options(
    *,
    retry: Retry | Table | bool | None = None,
    deadline: Deadline | Table | float | str | Literal[False] | None = None,
    attempt: Attempt | Table | float | str | Literal[False] | None = None,
    idempotent: bool | None = None,
    **unknown: object,
) -> dict[str, Any]:
    """The `extensions=` of a request that is to be treated differently.

    Args:
        retry: a Retry, a mapping of its fields, or False for a single attempt.
        deadline, attempt: seconds, text such as "200ms", a Deadline or Attempt, or False for none.
        idempotent: whether the request may be sent twice, whatever its method; None leaves it to the method.

    What is not given stays as configured. Raises ConfigError with everything that is wrong.
    """
    from meshlib.config.options_check import check_options

    problems: list[str] = []
    given = {"retry": retry, "deadline": deadline, "attempt": attempt}
    checked = check_options({name: value for name, value in given.items() if value is not None} | unknown, problems)
    if idempotent is not None and not isinstance(idempotent, bool):
        problems.append(f"options.idempotent = {idempotent!r} (call): must be true or false")
    if problems:
        raise ConfigError(problems)
    return {"meshlib": Options(idempotent=idempotent, **checked)}
