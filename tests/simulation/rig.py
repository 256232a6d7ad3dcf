"""A whole chain over a simulated fleet in virtual time, built from real settings as a Mesh builds it."""

import math
from random import Random
from typing import Any

import httpx

from meshlib.call import Call, Flow
from meshlib.config import load
from meshlib.endpoint import Endpoint, Endpoints
from meshlib.events import Event
from meshlib.journal import Journal
from meshlib.layer import Context
from meshlib.library import httpx_library
from meshlib.pipeline import build
from meshlib.testing.fleet import FleetSimulator
from meshlib.testing.virtual import VirtualRuntime

SERVICE = "payment-service"
ROOT = httpx.URL(f"http://{SERVICE}/")  # parsed once: a new URL costs as much as the whole chain


def names(count: int) -> list[str]:
    return [f"10.0.0.{number + 1}:80" for number in range(count)]


class Client:
    """One process: its own endpoints, chain and knowledge."""

    def __init__(self, clock: VirtualRuntime, fleet: FleetSimulator, **sections: Any) -> None:
        settings = load(services={SERVICE: sections}, environ={}).settings(SERVICE)
        self.clock, self.fleet = clock, fleet
        self.events: list[Event] = []
        self.context = Context(SERVICE, settings, Endpoints(), self.events.append)
        self.chain = build(self.context)
        self.publish()

    def publish(self) -> None:
        self.context.endpoints.publish(self.fleet.addresses(), self.clock.now())

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        assert self.context.endpoints.current is not None
        return self.context.endpoints.current.endpoints

    def of(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def call(
        self, method: str = "GET", path: str = "/", *, stream: bool = False, deadline: float | None = None, **kw: Any
    ) -> Call:
        return Call(
            httpx.Request(method, ROOT if path == "/" else f"http://{SERVICE}{path}"),
            service=SERVICE,
            flow=Flow(Journal(self.clock.now()), deadline, stream),
            runtime=self.clock,
            library=httpx_library(),
            transmit=kw.pop("transmit", self.fleet.transmit),
            listeners=[self.events.append],
            **kw,
        )

    async def send(self, method: str = "GET", path: str = "/", **kw: Any) -> Any:
        return await self.chain.handle(self.call(method, path, **kw))

    def get(self, **kw: Any) -> Any:
        """One call, run to its end."""
        return self.clock.run(self.send(**kw))


def one(endpoints: int = 1, *, seed: int = 0, **sections: Any) -> Client:
    """A client of a fleet of so many replicas, on a clock of its own."""
    clock = VirtualRuntime(seed)
    return Client(clock, FleetSimulator(clock, names(endpoints), seed=seed), **sections)


class Traffic:
    """Open-loop arrivals from several clients: `outcomes` has (start, seconds, status or error) of each call."""

    def __init__(self, clients: list[Client], seed: int, method: str = "GET") -> None:
        self.clients = clients
        self.clock = clients[0].clock
        self.method = method
        self.outcomes: list[tuple[float, float, int | str]] = []
        self._rng = Random(seed)

    def run(self, rate: float, seconds: float) -> None:
        """`rate` calls a second over all clients (Poisson), for `seconds`, and until the last one has ended."""
        self.clock.run(self._arrivals(rate, seconds))

    async def _arrivals(self, rate: float, seconds: float) -> None:
        tasks, until = [], self.clock.now() + seconds
        while True:
            await self.clock.sleep(self._rng.expovariate(rate))
            if self.clock.now() >= until:
                break
            client = self.clients[int(self._rng.random() * len(self.clients))]
            path = "/" if self.method == "GET" else f"/{len(tasks)}"  # each POST is told from all others
            tasks.append(self.clock.spawn(self._one(client, path)))
        for task in tasks:
            await task.wait()

    async def _one(self, client: Client, path: str) -> None:
        began = self.clock.now()
        try:
            outcome: int | str = (await client.send(self.method, path)).status_code
        except httpx.HTTPError as exc:
            outcome = type(exc).__name__
        self.outcomes.append((began, self.clock.now() - began, outcome))

    @property
    def failed(self) -> float:
        """The share of calls without success."""
        return sum(1 for *_, outcome in self.outcomes if outcome != 200) / len(self.outcomes)

    def percentile(self, share: float) -> float:
        taken = sorted(seconds for _, seconds, _ in self.outcomes)
        return taken[math.ceil(share * len(taken)) - 1]

    @property
    def attempts(self) -> float:
        """Attempts per call."""
        fleet = self.clients[0].fleet
        return sum(replica.received for replica in fleet.replicas.values()) / len(self.outcomes)
