"""The books of all connections: any order of events leaves them right, nobody waits in vain, nothing is left over."""

from __future__ import annotations

import gc
import math
import weakref
from types import SimpleNamespace
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from meshlib.wire.home import Home
from meshlib.wire.pool import Pool
from meshlib.wire.slots import Slots, Ticket


class Fake:
    """What `Slots` wants of a connection; `shuts` counts how often its socket was closed."""

    def __init__(self, pool: Pool, dies: float = math.inf) -> None:
        self.pool = pool
        self.dies = self.expires = dies
        self.idle_since = 0.0
        self.shuts = 0
        self.stream = SimpleNamespace(attempt=None)

    def shut(self) -> None:
        self.shuts += 1


def new_pool(cap: float = math.inf, idle_for: float = 5.0) -> Pool:
    return Pool(Home(None), None, None, cap, idle_for)


def opened(slots: Any, pool: Pool, **more: Any) -> Any:
    assert slots.checkout(pool, 0.0) is True
    connection = Fake(pool, **more)
    slots.opened(connection)
    return connection


class Books(RuleBasedStateMachine):
    """The model: who holds what, by the answers that were given alone."""

    @initialize(limit=st.integers(1, 5), idle=st.integers(0, 4), caps=st.tuples(*[st.integers(1, 4)] * 2))
    def begin(self, limit: int, idle: int, caps: tuple[int, ...]) -> None:
        self.slots: Any = Slots(limit, idle)
        self.pools = [new_pool(cap) for cap in caps]
        self.now = 0.0
        self.idle: list[Fake] = []
        self.active: list[Fake] = []
        self.dialling: list[Pool] = []
        self.queue: list[Ticket] = []  # who waits, and who was given something and has not looked yet
        self.known: list[Fake] = []
        self.served: set[Ticket] = set()
        self.closed = False

    def take(self, got: Any) -> None:
        """What an answer of `checkout` or `leave` makes of its asker."""
        if got is True:
            self.dialling.append(self.asked)
        elif isinstance(got, Fake):
            assert got.pool is self.asked
            self.active.append(got)

    def granted(self) -> list[Fake]:
        return [t.got for t in self.queue if isinstance(t.got, Fake)]

    @rule(which=st.integers(0, 1))
    def ask(self, which: int) -> None:
        self.asked = pool = self.pools[which]
        own = [c for c in self.idle if c.pool is pool and self.now < c.expires]
        got = self.slots.checkout(pool, self.now)
        assert not own or got is own[-1], "the one used last is used next"
        if isinstance(got, Ticket):
            self.queue.append(got)
        else:
            assert not isinstance(got, Fake) or got in own
            self.take(got)

    @precondition(lambda self: self.queue)
    @rule(data=st.data(), wanted=st.booleans())
    def leave(self, data: st.DataObject, wanted: bool) -> None:
        """Look at what a ticket was given: use it, or, cancelled in that very moment, hand it on."""
        ticket = self.queue.pop(data.draw(st.integers(0, len(self.queue) - 1)))
        self.asked, got = ticket.pool, self.slots.leave(ticket)
        assert got is False or ticket.signal.is_set()
        if wanted:
            self.take(got)
        elif got is True:
            self.slots.free(ticket.pool)
        elif got:
            self.slots.give_back(got, self.now)

    @precondition(lambda self: self.dialling)
    @rule(data=st.data(), fine=st.sampled_from([True, True, False]), age=st.sampled_from([0.5, 5.0, math.inf]))
    def dialled(self, data: st.DataObject, fine: bool, age: float) -> None:
        pool = self.dialling.pop(data.draw(st.integers(0, len(self.dialling) - 1)))
        if not fine:
            self.slots.free(pool)
            return
        connection = Fake(pool, self.now + age)
        self.slots.opened(connection)
        self.known.append(connection)
        self.active.append(connection)

    @precondition(lambda self: self.active)
    @rule(data=st.data(), how=st.sampled_from(["give_back", "give_back", "give_back", "discard", "drop"]))
    def finish(self, data: st.DataObject, how: str) -> None:
        connection = self.active.pop(data.draw(st.integers(0, len(self.active) - 1)))
        step = getattr(self.slots, how)
        step(connection, self.now) if how == "give_back" else step(connection)

    @precondition(lambda self: self.active)
    @rule(data=st.data())
    def collected_while_somebody_holds_the_lock(self, data: st.DataObject) -> None:
        connection = self.active.pop(data.draw(st.integers(0, len(self.active) - 1)))
        with self.slots:
            self.slots.drop(connection)

    @precondition(lambda self: self.known)
    @rule(data=st.data(), how=st.sampled_from(["lost", "discard an ended one", "give back an ended one"]))
    def told_late(self, data: st.DataObject, how: str) -> None:
        connection = data.draw(st.sampled_from(self.known))
        if how == "lost":
            self.slots.lost(connection, self.now)
        elif connection.shuts:
            self.slots.discard(connection) if how.startswith("d") else self.slots.give_back(connection, self.now)

    @precondition(lambda self: self.idle)
    @rule(seconds=st.sampled_from([0.1, 1.0, 5.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.idle)
    @rule()
    def sweep(self) -> None:
        self.slots.expire(self.now)
        assert all(self.now < c.expires for c in self.slots.idle)

    @precondition(lambda self: len(self.known) % 4 == 3)
    @rule(which=st.integers(0, 1))
    def endpoint_leaves(self, which: int) -> None:
        self.slots.drain(self.pools[which])
        self.pools[which] = new_pool(self.pools[which].cap)

    @precondition(lambda self: len(self.known) > 8 and self.dialling)
    @rule()
    def close(self) -> None:
        self.slots.close()
        self.closed = True

    @invariant()
    def the_books_are_right(self) -> None:
        alive = [c for c in self.known if not c.shuts]
        self.active = [c for c in self.active if not c.shuts]
        in_use = self.active + [c for c in self.granted() if not c.shuts]
        self.idle = list(self.slots.idle)
        assert sorted(map(id, alive)) == sorted(map(id, self.idle + in_use)), "in one state, and in one only"
        dialling = self.dialling + [t.pool for t in self.queue if t.got is True]
        waiting = [t for t in self.queue if t.got is False]
        assert self.slots.counts() == {
            "open": len(alive) + len(dialling),
            "idle": len(self.idle),
            "active": len(in_use),
            "dialling": len(dialling),
            "waiting": len(waiting),
        }
        assert self.slots.open <= self.slots.limit
        assert len(self.idle) <= self.slots.idle_limit
        assert all(c.shuts <= 1 for c in self.known)
        for pool in {*self.pools, *(t.pool for t in self.queue), *(c.pool for c in alive), *dialling}:
            own = [c for c in alive if c.pool is pool]
            assert pool.open == len(own) + dialling.count(pool) <= pool.cap
            assert list(pool.idle) == [c for c in self.idle if c.pool is pool]
            assert list(pool.waiting) == [t for t in self.slots.waiting if t.pool is pool]
            assert not (pool.draining and pool.idle)

    @invariant()
    def nobody_waits_for_what_is_there(self) -> None:
        waiting = [t for t in self.queue if t.got is False]
        assert list(self.slots.waiting) == waiting, "first come, first served"
        for ticket in waiting:
            assert not ticket.pool.idle
            if ticket.pool.open < ticket.pool.cap:
                assert self.slots.open == self.slots.limit
                assert not self.slots.idle

    @invariant()
    def who_came_later_was_not_served_before(self) -> None:
        for place, ticket in enumerate(self.queue):
            if ticket.got is not False and ticket not in self.served:
                before = [t for t in self.queue[:place] if t.got is False]
                assert all(t.pool is not ticket.pool and t.pool.open >= t.pool.cap for t in before)
        self.served = {t for t in self.queue if t.got is not False}

    @invariant()
    def nothing_rests_after_the_end(self) -> None:
        assert not (self.closed and self.slots.idle)

    def teardown(self) -> None:
        if not hasattr(self, "slots"):
            return
        for ticket in self.queue:
            got = self.slots.leave(ticket)
            if got is True:
                self.slots.free(ticket.pool)
            elif got:
                self.slots.discard(got)
            assert not self.slots.waiting or ticket not in self.slots.waiting
        for pool in self.dialling:
            self.slots.free(pool)
        for connection in self.active:
            self.slots.give_back(connection, self.now)
        self.slots.expire(math.inf)
        assert set(self.slots.counts().values()) == {0}
        assert all(c.shuts == 1 for c in self.known)
        assert not any((pool.open, pool.idle, pool.waiting) != (0, {}, {}) for pool in self.pools)


TestBooks = Books.TestCase
TestBooks.settings = settings(max_examples=40, stateful_step_count=50)


def test_a_connection_that_is_dialled_while_the_client_closes_does_not_stay_open():
    slots: Any = Slots(2, 2)
    pool = new_pool()
    assert slots.checkout(pool, 0.0) is True
    slots.close()
    late: Any = Fake(pool)
    slots.opened(late)
    slots.give_back(late, 1.0)
    assert late.shuts == 1
    assert slots.counts()["open"] == 0


def test_who_waits_while_the_client_closes_is_served_and_leaves_nothing_open():
    slots: Any = Slots(1, 1)
    busy = opened(slots, new_pool())
    other = new_pool()
    ticket = slots.checkout(other, 0.0)
    slots.close()
    assert busy.shuts == 1
    assert slots.leave(ticket) is True
    late: Any = Fake(other)
    slots.opened(late)
    slots.give_back(late, 1.0)
    assert (late.shuts, slots.counts()["open"]) == (1, 0)


def test_a_connection_handed_from_one_to_the_next_teaches_nothing_about_idling():
    """Idle was it long ago; when the server closes it now, that says nothing of how long it keeps idle ones."""
    slots: Any = Slots(1, 1)
    pool = new_pool()
    connection = opened(slots, pool)
    slots.give_back(connection, 10.0)
    assert slots.checkout(pool, 10.1) is connection
    ticket = slots.checkout(pool, 10.2)
    slots.give_back(connection, 10.5)
    assert slots.leave(ticket) is connection
    assert connection.idle_since == 10.5


def test_an_ended_connection_is_kept_by_nothing():
    slots: Any = Slots(2, 2)
    pool = new_pool()
    kept = [weakref.ref(opened(slots, pool)) for _ in range(2)]
    for connection in list(slots.connections):
        slots.discard(connection)
        del connection
    gc.collect()
    assert [ref() for ref in kept] == [None, None]


def test_the_one_used_last_is_used_next():
    slots: Any = Slots(3, 3)
    pool = new_pool()
    first, second = opened(slots, pool), opened(slots, pool)
    slots.give_back(second, 1.0)
    slots.give_back(first, 2.0)
    assert [slots.checkout(pool, 3.0), slots.checkout(pool, 3.0)] == [first, second]


def test_a_connection_in_use_ends_when_it_comes_back_to_an_endpoint_that_has_left():
    slots: Any = Slots(3, 3)
    pool = new_pool()
    connection = opened(slots, pool)
    slots.drain(pool)
    assert connection.shuts == 0
    slots.give_back(connection, 1.0)
    assert (connection.shuts, slots.counts()["open"]) == (1, 0)
