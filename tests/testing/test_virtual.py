"""Virtual time: jumps to the next timer, runs in one order, and wakes only whom it should."""

import pytest

from meshlib.runtime.signal import Signal
from meshlib.testing.virtual import Deadlock, VirtualRuntime


def test_time_jumps_and_never_sleeps():
    clock = VirtualRuntime()

    async def main():
        await clock.sleep(3600)
        return clock.now()

    assert clock.run(main()) == 3600


def test_the_same_seed_gives_the_same_run():
    def story(seed):
        clock, told = VirtualRuntime(seed), []

        async def worker(name):
            for _ in range(5):
                await clock.sleep(clock.rng.random())
                told.append((name, clock.now()))

        async def main():
            for task in [clock.spawn(worker(name)) for name in "abc"]:
                await task.wait()

        clock.run(main())
        return told

    assert story(1) == story(1) != story(2)


def test_a_wait_ends_by_its_signal_or_its_timeout():
    clock, signal = VirtualRuntime(), Signal()

    async def main():
        assert await clock.wait(signal, 2) is False
        assert clock.now() == 2
        clock.call_at(5, signal.set)
        assert await clock.wait(signal, 100) is True
        return clock.now()

    assert clock.run(main()) == 5


def test_a_wait_for_nothing_is_a_deadlock():
    clock = VirtualRuntime()
    with pytest.raises(Deadlock):
        clock.run(clock.wait(Signal(), None))


class Stop(BaseException):
    pass


def test_an_old_timer_does_not_wake_a_later_wait():
    """A sleep that was cancelled at 1 leaves a timer at 10; the sleep begun afterwards lasts to its own end."""
    clock, ends = VirtualRuntime(), []

    async def worker():
        try:
            await clock.sleep(10)
        except Stop:
            await clock.sleep(100)
        ends.append(clock.now())

    async def main():
        task = clock.spawn(worker())
        await clock.sleep(1)
        task.cancel(Stop())
        await task.wait()

    clock.run(main())
    assert ends == [101]


def test_a_wait_that_has_timed_out_is_not_woken_by_its_signal_again():
    clock, signal, ends = VirtualRuntime(), Signal(), []

    async def main():
        clock.call_at(5, signal.set)
        await clock.wait(signal, 5)  # both at the same moment
        await clock.sleep(100)
        ends.append(clock.now())

    clock.run(main())
    assert ends == [105]


def test_a_cancelled_waiter_of_a_task_is_not_woken_by_its_end():
    clock, ends = VirtualRuntime(), []

    async def long():
        await clock.sleep(10)

    async def waiter(task):
        try:
            await task.wait()
        except Stop:
            await clock.sleep(100)
        ends.append(clock.now())

    async def main():
        task = clock.spawn(long())
        waiting = clock.spawn(waiter(task))
        await clock.sleep(1)
        waiting.cancel(Stop())
        await waiting.wait()

    clock.run(main())
    assert ends == [101]


def test_cancelled_before_its_first_step():
    clock = VirtualRuntime()

    async def worker():
        raise AssertionError("never runs")

    task = clock.spawn(worker())
    task.cancel(Stop())
    clock.settle()
    with pytest.raises(Stop):
        task.result()


def test_advance_runs_what_is_due_and_leaves_the_clock_there():
    clock, told = VirtualRuntime(), []

    async def worker():
        for _ in range(3):
            await clock.sleep(1)
            told.append(clock.now())

    task = clock.spawn(worker())
    clock.advance(2.5)
    assert (told, clock.now(), task.done) == ([1, 2], 2.5, False)
    with pytest.raises(Deadlock):
        task.result()
    clock.advance(1)
    assert (told, task.done) == ([1, 2, 3], True)


def test_an_error_of_a_task_is_raised_where_it_is_awaited():
    clock = VirtualRuntime()

    async def wrong():
        raise ValueError("wrong")

    async def main():
        with pytest.raises(ValueError, match="wrong"):
            await clock.spawn(wrong()).wait()

    clock.run(main())
