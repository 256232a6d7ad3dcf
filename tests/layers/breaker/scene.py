"""What the breaker's tests have in common: making replicas misbehave, and failing."""

from typing import Any

import httpx

from meshlib.events import BreakerChanged
from meshlib.testing.behaviour import Behaviour
from tests.simulation.rig import Client, names

DOWN = Behaviour(status=503, after=0.001)
HANGS = Behaviour(fate="hang")
REFUSES = Behaviour(fate="refuse")


def states(client: Client) -> list[str]:
    return [event.state for event in client.of(BreakerChanged)]


def behave(client: Client, behaviour: Behaviour, *numbers: int) -> None:
    for number in numbers or range(len(client.fleet.replicas)):
        client.fleet.replicas[names(number + 1)[-1]].behaviour = behaviour


def fail(client: Client, times: int = 5, **kw: Any) -> None:
    for _ in range(times):
        try:
            client.get(**kw)
        except httpx.TransportError:
            pass


def until_due(client: Client) -> None:
    """Let time pass until the (only) open endpoint is due for its trial."""
    client.clock.advance(max(e.gate.machine.until for e in client.context.endpoints.open) - client.clock.now() + 1e-6)
