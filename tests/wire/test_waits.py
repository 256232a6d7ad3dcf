"""One timer for a connection, armed anew only when it rings or when a bound is earlier than its ring."""

import asyncio

import pytest

from meshlib.wire import waits


class Clock:
    """A loop and a clock that stand still; `to` rings what is due."""

    def __init__(self):
        self.at = 100.0
        self.timers = []
        self.armed = 0

    def create_future(self):
        return asyncio.get_running_loop().create_future()

    def call_later(self, delay, callback):
        self.armed += 1
        timer = Timer(self.at + delay, callback)
        self.timers.append(timer)
        return timer

    def to(self, at):
        self.at = at
        due = [t for t in self.timers if t.at <= at]
        self.timers = [t for t in self.timers if t.at > at]
        for timer in due:
            if not timer.cancelled:
                timer.callback()


class Timer:
    def __init__(self, at, callback):
        self.at, self.callback, self.cancelled = at, callback, False

    def cancel(self):
        self.cancelled = True


class Late(Exception):
    pass


class TooLong(Exception):
    pass


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(waits, "now", lambda: made.at)
    return made


@pytest.fixture
def alarm(clock):
    return waits.Alarm(clock)


async def started(*waiting):
    tasks = [asyncio.ensure_future(w) for w in waiting]
    await asyncio.sleep(0)
    return tasks


def run(scenario):
    asyncio.run(scenario())


def test_many_waits_that_end_in_time_arm_one_timer(clock, alarm):
    side = waits.Side(alarm, Late)

    async def scenario():
        for _ in range(50):
            (task,) = await started(side.wait(5.0))
            clock.at += 0.01
            side.wake()
            await task
        assert clock.armed == 1
        clock.to(105.0)  # it rings while nobody waits, and is not armed anew
        assert clock.armed == 1

    run(scenario)


def test_a_ring_before_the_bound_is_set_to_the_bound(clock, alarm):
    side = waits.Side(alarm, Late)

    async def scenario():
        (task,) = await started(side.wait(5.0))
        side.wake()
        await task
        clock.at = 103.0
        (task,) = await started(side.wait(5.0))
        clock.to(105.0)
        await asyncio.sleep(0)
        assert not task.done()
        clock.to(108.0)
        with pytest.raises(Late):
            await task
        assert clock.armed == 2

    run(scenario)


def test_an_earlier_bound_moves_the_ring(clock, alarm):
    side = waits.Side(alarm, Late)

    async def scenario():
        (task,) = await started(side.wait(50.0))
        side.wake()
        await task
        (task,) = await started(side.wait(1.0))
        clock.to(101.0)
        with pytest.raises(Late):
            await task

    run(scenario)


def test_each_side_ends_at_its_own_bound_with_its_own_error(clock, alarm):
    reading, writing = waits.Side(alarm, Late), waits.Side(alarm, TooLong)

    async def scenario():
        slow, quick = await started(reading.wait(2.0), writing.wait(1.0))
        clock.to(101.0)
        with pytest.raises(TooLong):
            await quick
        assert not slow.done()
        clock.to(102.0)
        with pytest.raises(Late):
            await slow

    run(scenario)


def test_without_a_bound_there_is_no_timer(clock, alarm):
    side = waits.Side(alarm, Late)

    async def scenario():
        (task,) = await started(side.wait(None))
        assert clock.armed == 0
        assert side.wake()
        await task
        assert not side.wake()

    run(scenario)


def test_a_wait_that_was_cancelled_is_over(clock, alarm):
    side = waits.Side(alarm, Late)

    async def scenario():
        (task,) = await started(side.wait(1.0))
        task.cancel()
        side.wake(Late("both in one turn"))
        with pytest.raises(asyncio.CancelledError):
            await task
        clock.to(105.0)
        (task,) = await started(side.wait(1.0))
        side.wake()
        await task

    run(scenario)


def test_a_stopped_alarm_does_not_ring(clock, alarm):
    side = waits.Side(alarm, Late)

    async def scenario():
        (task,) = await started(side.wait(1.0))
        alarm.stop()
        clock.to(200.0)
        await asyncio.sleep(0)
        assert not task.done()
        side.wake()
        await task

    run(scenario)
