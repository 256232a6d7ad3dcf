"""One column's lane: its own replicas, its own client process, and what both of them told."""

from __future__ import annotations

import json
from collections import Counter

from meshlib.cli.demo.process import Child
from meshlib.cli.demo.record import Record
from meshlib.cli.demo.schedule import Schedule
from meshlib.testing.server.mode import Mode

HOSTS = [
    f"127.0.0.{last}" for last in range(11, 17)
]  # one for each replica; every lane uses them, on a port of its own


class Lane:
    """The processes and the observations of one column.

    records: one per finished call. received: requests that reached a replica. executed: how often, by the call's id.
    """

    def __init__(self, column: str, port: int, schedule: Schedule) -> None:
        self.column, self.port = column, port
        self.records: list[Record] = []
        self.received = 0
        self.executed: Counter[str] = Counter()
        self._schedule = schedule
        self._replicas: dict[int, Child] = {}
        self._client: Child | None = None

    async def set_mode(self, replica: int, mode: Mode) -> None:
        """Bring a replica into this mode: a process that must not listen is killed, one that must is started again."""
        running = self._replicas.get(replica)
        if not mode.listening:
            if running is not None:
                await self._replicas.pop(replica).kill()
        elif running is not None:
            running.tell(mode.to_json())
        else:
            self._replicas[replica] = await self._start_replica(replica, mode)

    async def _start_replica(self, replica: int, mode: Mode) -> Child:
        where = ["--host", HOSTS[replica], "--port", str(self.port)]
        how = ["--mode", mode.to_json(), "--seed", str(replica), "--report"]
        return await Child.start("meshlib.testing.server", where + how, self._replica_told)

    async def start_client(self, dns_port: int) -> None:
        """Start the client process; it waits for `go`."""
        story = self._schedule
        what = ["--column", self.column, "--port", str(self.port), "--dns-port", str(dns_port)]
        plan = ["--seconds", str(story.seconds), "--rate", str(story.rate), "--seed", str(story.seed)]
        self._client = await Child.start("meshlib.cli.demo.client", what + plan, self._client_told)

    def go(self, start: float) -> None:
        """Let the client begin at this point of the monotonic clock."""
        assert self._client is not None
        self._client.tell(repr(start))

    async def finished(self) -> None:
        """Wait for the client's last call. Raises RuntimeError if the client broke down."""
        assert self._client is not None
        status = await self._client.finished()
        expected, told = len(self._schedule.arrivals()), len(self.records)
        if status != 0 or told != expected:
            raise RuntimeError(f"{self.column}: the client ended with status {status} after {told} of {expected} calls")

    async def stop(self) -> None:
        """Kill what still runs."""
        if self._client is not None:
            await self._client.kill()
        for replica in list(self._replicas):
            await self._replicas.pop(replica).kill()

    def _client_told(self, line: bytes) -> None:
        self.records.append(Record.from_line(line))

    def _replica_told(self, line: bytes) -> None:
        told = json.loads(line)
        self.received += 1
        if told["executed"]:
            self.executed[told["id"]] += 1
