"""A fleet of replicas in virtual time, below the layers that are shipped: `transmit` stands in the place of the wire.

    clock = VirtualRuntime(seed=1)
    fleet = FleetSimulator(clock, ["10.0.0.1:80", "10.0.0.2:80"])
    fleet.at(10.0, "10.0.0.1:80", Behaviour(fate="hang"))
    fleet.at(20.0, "10.0.0.1:80", HEALTHY)
    call = Call(..., runtime=clock, transmit=fleet.transmit)

Every replica has as many slots as it needs, and its own random numbers, so that another policy of the client does not
change the workload.
"""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any

from meshlib.endpoint import Address
from meshlib.runtime.signal import Signal
from meshlib.testing.behaviour import HEALTHY, Behaviour

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meshlib.call import Attempt
    from meshlib.testing.virtual import VirtualRuntime

DIAL = 0.001
"""Seconds after which a connection is refused."""


class Replica:
    """One server. `received` counts requests that reached it, `executed` those whose work it did."""

    def __init__(self, name: str, seed: int) -> None:
        self.name = name
        self.behaviour = HEALTHY
        self.rng = Random(f"{seed}:{name}")
        self.received = 0
        self.executed = 0

    def treat(self) -> Behaviour:
        """How the next request is treated."""
        usual = self.behaviour
        return usual if usual.share >= 1.0 or self.rng.random() < usual.share else HEALTHY


class FleetSimulator:
    """Replicas by name (`host:port`), their faults over time, and what was done.

    `executed` counts, by method and URL, how often the work of a request was done: give each call its own URL, and a
    POST that ran twice shows.
    """

    def __init__(self, clock: VirtualRuntime, names: Iterable[str], *, seed: int = 0) -> None:
        self.replicas = {name: Replica(name, seed) for name in names}
        self.executed: Counter[str] = Counter()
        self._clock = clock
        self._seed = seed
        self._answers: dict[tuple[int, int], tuple[Behaviour, Any]] = {}

    def addresses(self) -> list[Address]:
        """What discovery would publish."""
        return [_address(name) for name in self.replicas]

    def add(self, name: str) -> Replica:
        """One more replica; it is for the caller to publish the new addresses."""
        return self.replicas.setdefault(name, Replica(name, self._seed))

    def at(self, when: float, name: str, behaviour: Behaviour) -> None:
        """From `when` on (seconds on the clock) the replica behaves like this."""
        replica = self.replicas[name]
        self._clock.call_at(when, lambda: setattr(replica, "behaviour", behaviour))

    def share(self, name: str) -> float:
        """The part of all requests that the replica received."""
        return self.replicas[name].received / max(1, sum(r.received for r in self.replicas.values()))

    async def transmit(self, attempt: Attempt) -> Any:
        """Send one attempt, as the wire does: keeps its deadline, says what was sent, and releases it."""
        replica = self.replicas[_target(attempt)]
        replica.received += 1
        behaviour = replica.treat()
        attempt.sent = "nothing"
        if behaviour.fate == "refuse":
            await self._pass(attempt, DIAL, "ConnectTimeout")
            raise attempt.call.library.hx.ConnectError("refused", request=attempt.request)
        attempt.sent = "all"
        if behaviour.does_work:
            replica.executed += 1
            self.executed[f"{attempt.request.method} {attempt.request.url}"] += 1
        await self._pass(attempt, None if behaviour.fate == "hang" else behaviour.seconds(replica.rng), "ReadTimeout")
        return self._answer(attempt, behaviour)

    def _answer(self, attempt: Attempt, behaviour: Behaviour) -> Any:
        hx = attempt.call.library.hx
        if behaviour.fate == "reset":
            raise hx.ReadError("connection reset", request=attempt.request)
        attempt.returned, attempt.deadline = self._clock.now(), attempt.body_deadline
        response = self._response(hx, behaviour)
        response.request = attempt.request
        attempt.release()  # the body is empty
        return response

    def _response(self, hx: Any, behaviour: Behaviour) -> Any:
        """A response for each request, copied from the first of its kind: httpx takes ten times as long to make one."""
        key = id(behaviour), id(hx)
        if key not in self._answers:  # which keeps the behaviour, so that no other one gets its id
            self._answers[key] = behaviour, hx.Response(behaviour.status, headers=behaviour.headers)
        first = self._answers[key][1]
        response = hx.Response.__new__(hx.Response)
        vars(response).update(vars(first), headers=first.headers.copy(), extensions={}, history=[])
        return response

    async def _pass(self, attempt: Attempt, seconds: float | None, error: str) -> None:
        """Let `seconds` pass (None: for ever), unless a limit of the attempt comes first."""
        left = _limit(attempt, self._clock.now(), error)
        if seconds is not None and (left is None or seconds <= left):
            await self._clock.sleep(seconds)
            return
        if left is None:
            await self._clock.wait(Signal(), None)
        await self._clock.sleep(left or 0.0)
        raise getattr(attempt.call.library.hx, error)("timed out", request=attempt.request)


def _limit(attempt: Attempt, now: float, error: str) -> float | None:
    """Seconds until the attempt's deadline or httpx's own timeout, whichever comes first."""
    timeouts = attempt.request.extensions.get("timeout", {})
    own = timeouts.get("connect" if error == "ConnectTimeout" else "read")
    left = None if attempt.deadline is None else max(attempt.deadline - now, 0.0)
    return min((limit for limit in (own, left) if limit is not None), default=None)


def _target(attempt: Attempt) -> str:
    """The picked endpoint; without one, what the URL names."""
    if attempt.endpoint is not None:
        return attempt.endpoint.name
    url = attempt.request.url
    return f"{url.host}:{url.port or (443 if url.scheme == 'https' else 80)}"


def _address(name: str) -> Address:
    host, _, port = name.rpartition(":")
    return Address(host, int(port)) if host else Address(name)
