"""A few daemon threads for what blocks; they never keep the interpreter, and one caller's hang is not another's."""

import threading

import pytest

from meshlib.discovery import workers as module
from meshlib.discovery.workers import Job, Workers

SOON = 5.0  # seconds; far more than needed


def finished(job: Job[int]) -> int:
    woken = threading.Event()
    job.done.subscribe(woken.set)
    assert woken.wait(SOON)
    return job.result()


def test_work_runs_in_daemon_threads_that_are_used_again() -> None:
    workers, seen = Workers(), set()

    def work() -> int:
        seen.add(threading.current_thread())
        return 7

    for key in range(20):
        assert finished(workers.submit(key, work)) == 7
    assert all(thread.daemon for thread in seen)
    assert len(seen) <= 2


def test_what_the_work_raises_is_raised_by_result() -> None:
    job = Workers().submit("key", lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        finished(job)


def test_the_same_key_joins_the_job_under_way_and_a_finished_one_is_done_again() -> None:
    workers, go, count = Workers(), threading.Event(), []

    def work() -> int:
        go.wait(SOON)
        count.append(1)
        return len(count)

    first, second = workers.submit("pay", work), workers.submit("pay", work)
    assert first is second
    go.set()
    assert finished(first) == 1
    assert finished(workers.submit("pay", work)) == 2


def test_hanging_work_does_not_stop_other_work_until_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LIMIT", 3)
    workers, go = Workers(), threading.Event()

    def hang() -> int:
        go.wait(SOON)
        return 0

    hung = [workers.submit(n, hang) for n in range(2)]
    assert finished(workers.submit("pay", lambda: 1)) == 1
    hung.append(workers.submit("third", hang))
    waiting = workers.submit("waits", lambda: 2)
    assert not waiting.done.is_set()
    go.set()
    assert [finished(job) for job in hung] == [0, 0, 0]
    assert finished(waiting) == 2


@pytest.mark.realtime
def test_threads_without_work_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDLE", 0.05)
    threads: list[threading.Thread] = []

    def work() -> int:
        threads.append(threading.current_thread())
        return 1

    finished(Workers().submit("key", work))
    threads[0].join(SOON)
    assert not threads[0].is_alive()


def test_where_no_thread_can_be_had_the_caller_does_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    job = Workers().submit("key", threading.get_ident)
    assert job.done.is_set()
    assert job.result() == threading.get_ident()
