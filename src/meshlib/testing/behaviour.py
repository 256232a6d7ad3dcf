"""How a simulated replica treats a request: well, slowly, wrongly or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import log
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from random import Random

Fate = Literal["answer", "refuse", "hang", "reset"]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What happens to a request at a replica. The default is healthy: status 200 after a log-normal latency.

    Args:
        fate: `answer`; `refuse` the connection (nothing is sent); `hang`: take it, never answer; `reset`: take it and
            break the connection without an answer.
        status, headers: of the answer.
        median, sigma: of the log-normal latency, in seconds (20 ms, 0.3).
        after: seconds to the answer or reset, in place of the latency.
        factor: what the latency is multiplied by.
        share: the part of requests this holds for; the others are treated well.
        executes: whether the request's work is done. None: unless it is refused, or answered with 500 or above.
    """

    fate: Fate = "answer"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    median: float = 0.02
    sigma: float = 0.3
    after: float | None = None
    factor: float = 1.0
    share: float = 1.0
    executes: bool | None = None

    @property
    def does_work(self) -> bool:
        if self.executes is not None:
            return self.executes
        return self.fate != "refuse" and (self.fate != "answer" or self.status < 500)

    def seconds(self, rng: Random) -> float:
        """A latency drawn for one request."""
        if self.after is not None:
            return self.after
        return self.factor * rng.lognormvariate(log(self.median), self.sigma)


HEALTHY = Behaviour()
