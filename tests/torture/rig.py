"""One scenario with one kind of client: set up, looked at after each run, and taken down."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio

import meshlib
from meshlib.events import AttemptEnded, AttemptStarted
from tests.torture.gauges import Before, settled
from tests.torture.scenarios import Scenario
from tests.torture.stage import NAME, Stage
from tests.ways import Face, Way

CONNECTIONS = 3
"""So few that the third connection lost would be noticed."""

AT_ONCE = 2.0
"""Seconds within which a client that lost nothing answers, on a busy machine; the pool's own wait is longer."""


class Rig:
    def __init__(self, way: Way, scenario: Scenario, stage: Stage) -> None:
        self.way, self.scenario, self.stage = way, scenario, stage
        self.held: Any = None
        self._ids = 0
        self._retries = 0
        self._sent = ""

    def url(self, path: str = "/") -> str:
        if self.scenario.services(self.stage):
            return f"{'https' if self.scenario.tls else 'http'}://{NAME}{path}"
        return (self.stage.tls if self.scenario.tls else self.stage.plain).url + path

    def new_id(self) -> str:
        self._ids += 1
        return f"{self.way} {self.scenario} {id(self)} {self._ids}"

    async def sleep(self, seconds: float) -> None:
        if self.way.sync:
            time.sleep(seconds)
        else:
            await anyio.sleep(seconds)

    def open(self) -> None:
        """A mesh, and a client on it."""
        self.before = Before(self.stage.ports)
        self.mesh = meshlib.Mesh(self.scenario.services(self.stage))
        self.mesh.listen(self._heard)
        self.open_client()

    def open_client(self) -> None:
        """A new client on the mesh that there is."""
        hx, given = self.way.hx, dict(self.scenario.client)
        limits = hx.Limits(**{"max_connections": CONNECTIONS, **given.pop("limits", {})})
        timeout = hx.Timeout(5.0, pool=2 * AT_ONCE)
        wire = {"verify": self.stage.trust, "http2": self.scenario.http2, "limits": limits}
        if given.pop("event_hooks", None):
            given["event_hooks"] = {"request": [_hook if self.way.sync else _async_hook]}
        if self.scenario.door == "transport":
            transport = self.way.transport(mesh=self.mesh, **wire)
            client = self.way.stock(transport=transport, timeout=timeout, **given)
        else:
            client = self.way.new(mesh=self.mesh, timeout=timeout, **wire, **given)
        self.face = Face(client, self.way)

    async def prepare(self) -> None:
        """What a run finds: a client, new or with an idle connection."""
        if self.scenario.new_mesh:
            await self.close()
            self.open()  # a discovery of its own
        elif not self.scenario.warm:
            await self.close_client()
            self.open_client()
        if self.scenario.before is not None:
            await self.scenario.before(self)

    @asynccontextmanager
    async def company(self) -> AsyncIterator[None]:
        """What runs beside the call, to its end."""
        if self.scenario.beside is None:
            yield
            return
        async with anyio.create_task_group() as group:
            group.start_soon(self.scenario.beside, self)
            yield

    async def act(self) -> None:
        await self.scenario.act(self)

    async def check(self, when: str) -> None:
        """After a run everything is at rest, and the same client answers at once."""
        left = await settled(self.face.client, self.mesh, self.before)
        assert not left, f"{when}: {left}"
        assert (spent := self.spent()) == self._retries, f"{when}: {spent} tokens for {self._retries} retries"
        if self.scenario.rest:
            await self.sleep(self.scenario.rest)
        began = time.monotonic()
        response = await self.face.get(self.url())
        assert (response.status_code, time.monotonic() - began < AT_ONCE) == (200, True), when
        left = await settled(self.face.client, self.mesh, self.before)
        assert not left, f"{when}, and after the next request: {left}"

    def spent(self) -> int:
        """Tokens that the retry budget has given out, where the scenario has one that does not refill."""
        service = self.mesh.route(self.way.hx.URL(self.url()))
        assert service is not None
        layers = dict(service.chain.layers)
        budget = getattr(layers.get("retry"), "budget", None)
        if budget is None or budget.floor:
            return self._retries  # none that could be looked at
        return round(budget.cap - budget.level(0.0))

    def _heard(self, event: Any) -> None:
        """Count the retries that cost a token: those after an attempt of which something was sent."""
        if isinstance(event, AttemptEnded):
            self._sent = event.sent
        elif isinstance(event, AttemptStarted) and event.attempt > 1 and self._sent != "nothing":
            self._retries += 1

    async def close_client(self) -> None:
        client = self.face.client
        await self.way.value(client.close() if self.way.sync else client.aclose())

    async def close(self) -> None:
        await self.close_client()
        self.mesh.close()


def _hook(request: Any) -> None:
    """Does nothing; a client that has one sends by httpx's own code."""


async def _async_hook(request: Any) -> None:
    """The same."""
