"""The control loop's waits: woken from any thread, ended by their timeout, and leaving nothing behind."""

import asyncio
import threading

from meshlib.runtime.control import ControlRuntime
from meshlib.runtime.signal import Signal


def test_a_wait_is_woken_by_another_thread() -> None:
    signal = Signal()

    async def main() -> bool:
        asyncio.get_running_loop().call_soon(threading.Thread(target=signal.set).start)
        return await ControlRuntime().wait(signal, 10.0)

    assert asyncio.run(main())


def test_a_wait_for_what_is_set_already_ends_at_once() -> None:
    signal = Signal()
    signal.set()
    assert asyncio.run(ControlRuntime().wait(signal, None))


def test_a_wait_that_times_out_says_so_and_is_forgotten() -> None:
    signal = Signal()
    assert not asyncio.run(ControlRuntime().wait(signal, 0.0))
    assert not signal._waiters
    signal.set()  # no call into the loop that has ended


def test_a_signal_set_when_the_loop_has_ended_disturbs_nobody() -> None:
    signal = Signal()

    async def abandoned() -> None:
        task = asyncio.create_task(ControlRuntime().wait(signal, None))
        await asyncio.sleep(0)
        waiters.extend(signal._waiters)
        task.cancel()

    waiters: list[object] = []
    asyncio.run(abandoned())
    [wake] = waiters
    wake()  # type: ignore[operator]
