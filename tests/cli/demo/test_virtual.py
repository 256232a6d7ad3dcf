"""The demo's own schedule in virtual time, through the whole chain that is shipped: same story, any number of seeds."""

from collections import Counter

import httpx
import pytest

from meshlib.cli.demo.columns import TIMEOUT
from meshlib.cli.demo.figures import Figures, figures
from meshlib.cli.demo.record import Record
from meshlib.cli.demo.schedule import FIRST_REPLICAS, REPLICAS, Arrival, Schedule
from meshlib.cli.demo.verdict import complaints
from meshlib.testing.behaviour import Behaviour
from meshlib.testing.fleet import FleetSimulator
from meshlib.testing.server import Mode
from meshlib.testing.virtual import VirtualRuntime
from tests.simulation.rig import Client, names

BARE = {"balance": {"policy": "round_robin"}, "retry": False, "breaker": False}
FATES = {"whole": "answer", "hang": "hang", "reset": "reset"}


def simulated(mode: Mode) -> Behaviour:
    """What a real server in this mode does, said to the simulator."""
    return Behaviour(
        fate=FATES[mode.answer] if mode.listening else "refuse",
        status=mode.status,
        after=None if mode.delay else 0.001,
        median=mode.delay or 0.001,
        sigma=mode.spread,
        executes=mode.executes and mode.listening,
    )


class Run:
    """One column's run; a replica that joins is published to the client when DNS would announce it."""

    def __init__(self, schedule: Schedule, **sections) -> None:
        self.schedule = schedule
        self.clock = VirtualRuntime(schedule.seed)
        self.fleet = FleetSimulator(self.clock, names(FIRST_REPLICAS), seed=schedule.seed)
        self.client = Client(self.clock, self.fleet, deadline={"timeout": TIMEOUT}, **sections)
        self.records: list[Record] = []
        for change in schedule.changes():
            self.clock.call_at(change.at, lambda change=change: self.change(change))

    def change(self, change) -> None:
        replica = self.fleet.add(names(REPLICAS)[change.replica])
        replica.behaviour = simulated(change.mode)
        self.client.publish()

    async def one(self, arrival: Arrival) -> None:
        call = self.client.call(arrival.method, f"/{arrival.id}")
        try:
            response = await self.client.chain.handle(call)
            ok, outcome = response.is_success, str(response.status_code)
        except httpx.HTTPError as error:
            ok, outcome = False, type(error).__name__
        attempts = len(call.flow.journal.attempts)
        self.records.append(Record(arrival.due, arrival.method, ok, self.clock.now() - arrival.due, attempts, outcome))

    async def all(self) -> None:
        tasks = []
        for arrival in self.schedule.arrivals():
            await self.clock.sleep(arrival.due - self.clock.now())
            tasks.append(self.clock.spawn(self.one(arrival)))
        for task in tasks:
            await task.wait()

    def figures(self) -> Figures:
        self.clock.run(self.all())
        received = sum(replica.received for replica in self.fleet.replicas.values())
        executed = Counter({key.replace(" ", "-"): times for key, times in self.fleet.executed.items()})
        return figures(self.schedule, self.records, received, executed)


@pytest.mark.parametrize("seed", range(5))
def test_meshlib_keeps_its_word_in_virtual_time(seed):
    schedule = Schedule(seed=seed)
    bare, mesh = Run(schedule, **BARE).figures(), Run(schedule).figures()
    assert complaints(mesh, [bare]) == []
    assert mesh.calls == bare.calls > 2000
    assert mesh.get_success >= 0.999
    assert mesh.post_success >= 0.99
    assert mesh.p99 < 0.2
    assert mesh.attempts_per_call <= 1.02
    assert mesh.posts_twice == 0
    assert bare.get_success < 0.93  # the trouble bites


def test_the_same_seed_gives_the_same_run():
    one, other = Run(Schedule(seconds=15, seed=3)), Run(Schedule(seconds=15, seed=3))
    assert one.figures() == other.figures()
    assert one.records == other.records


def test_the_replica_that_joins_gets_its_share():
    run = Run(Schedule(rate=100))
    run.figures()
    joined = run.fleet.replicas[names(REPLICAS)[-1]]
    due_since = sum(record.due >= run.schedule.troubles[-1].start for record in run.records)
    assert joined.received > due_since / REPLICAS / 4
