"""The runtime of async clients, on asyncio and trio."""

import asyncio
import threading
import time

import anyio
import pytest
import trio

from meshlib.runtime.aio import AioRuntime
from meshlib.runtime.signal import Signal

RUNS = {"asyncio": asyncio.run, "trio": lambda coro: trio.run(lambda: coro)}
each_loop = pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
pytestmark = pytest.mark.realtime


@each_loop
def test_wait_is_woken_from_another_thread(run):
    signal = Signal()

    async def main():
        threading.Timer(0.05, signal.set).start()
        return await AioRuntime().wait(signal, 5)

    began = time.monotonic()
    assert run(main()) is True
    assert time.monotonic() - began < 4


@each_loop
def test_wait_ends_at_its_timeout_and_is_forgotten(run):
    signal = Signal()

    async def main():
        return await AioRuntime().wait(signal, 0.02)

    assert run(main()) is False
    assert signal._waiters == []
    signal.set()


@each_loop
def test_a_signal_that_is_set_already_does_not_wait(run):
    signal = Signal()
    signal.set()

    async def main():
        return await AioRuntime().wait(signal, None)

    assert run(main()) is True


@each_loop
def test_a_cancelled_wait_is_forgotten(run):
    signal = Signal()

    async def main():
        with anyio.move_on_after(0.02):
            await AioRuntime().wait(signal, None)

    run(main())
    assert signal._waiters == []


def test_a_loop_that_has_ended_hurts_nobody():
    """A waiter of a loop that died without cleaning up is woken in vain."""
    signal, loop = Signal(), asyncio.new_event_loop()
    waiting = AioRuntime().wait(signal, None)
    task = loop.create_task(waiting)
    loop.run_until_complete(asyncio.sleep(0))
    assert len(signal._waiters) == 1
    waiters = list(signal._waiters)
    task.cancel()
    loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
    loop.close()
    for wake in waiters:
        wake()


@each_loop
def test_sleep_sleeps(run):
    async def main():
        began = time.monotonic()
        await AioRuntime().sleep(0.02)
        return time.monotonic() - began

    assert run(main()) >= 0.02
