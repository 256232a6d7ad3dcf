"""The load makes the requests it was told to, and measures no failures."""

import threading
from types import SimpleNamespace

import pytest
from benchmarks.load import loop_async, loop_sync, shares

OK = SimpleNamespace(status_code=200)
BROKEN = SimpleNamespace(status_code=500)


async def answered() -> SimpleNamespace:
    return OK


async def broken() -> SimpleNamespace:
    return BROKEN


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_tasks_make_all_requests_together() -> None:
    latencies: list[float] = []
    await loop_async(answered, 25, 10, latencies)
    assert len(latencies) == 25


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_failed_answer_ends_the_case() -> None:
    with pytest.raises(RuntimeError, match="answered 500"):
        await loop_async(broken, 5, 1, [])


def test_threads_make_all_requests_each_its_share() -> None:
    latencies: list[float] = []
    asked_by: list[int] = []

    def get() -> SimpleNamespace:
        asked_by.append(threading.get_ident())
        return OK

    loop_sync(get, 25, 4, latencies)
    assert len(latencies) == len(asked_by) == 25


def test_a_failed_answer_in_a_thread_ends_the_case() -> None:
    with pytest.raises(RuntimeError, match="answered 500"):
        loop_sync(lambda: BROKEN, 5, 2, [])


def test_shares_differ_by_one_at_most_and_lose_none() -> None:
    assert shares(25, 4) == [7, 6, 6, 6]
    assert sum(shares(1000, 100)) == 1000
