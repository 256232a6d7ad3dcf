"""What a forked child forgets, and the private names of CPython by which it does."""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import pytest

from meshlib.runtime import fork
from tests.process.program import in_a_child

PATIENCE = 5.0


def free(lock: threading.Lock) -> bool:
    return lock.acquire(timeout=PATIENCE)


@contextmanager
def held_by_another_thread(lock: threading.Lock) -> Iterator[None]:
    held, enough = threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            held.set()
            enough.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    try:
        yield
    finally:
        enough.set()
        thread.join()


class Mending:
    def __init__(self, told: list[str], name: str) -> None:
        self.told, self.name = told, name

    def after_fork(self) -> None:
        self.told.append(self.name)
        if self.name == "broken":
            raise RuntimeError("cannot be mended")


@pytest.mark.parametrize("make", [fork.new_lock, fork.new_rlock])
def test_a_lock_that_another_thread_holds_is_free_in_the_child(make: Callable[[], threading.Lock]) -> None:
    lock = make()
    with held_by_another_thread(lock):
        assert in_a_child(lambda: free(lock))
        assert not lock.acquire(blocking=False), "the parent's is as it was"


def test_a_plain_lock_of_pythons_own_is_not() -> None:
    lock = threading.Lock()
    with held_by_another_thread(lock):
        assert in_a_child(lambda: not lock.acquire(timeout=0.05))


def test_a_reentrant_lock_of_the_forking_thread_stays_its_own() -> None:
    lock = fork.new_rlock()

    def passes() -> bool:
        lock.release()
        return free(lock)

    with lock:
        assert in_a_child(passes)


def test_a_lock_that_somebody_else_made_can_be_adopted() -> None:
    lock = threading.Lock()
    fork.adopt(lock)
    with held_by_another_thread(lock):
        assert in_a_child(lambda: free(lock))


def test_objects_mend_themselves_in_order_and_none_stops_the_others(caplog: pytest.LogCaptureFixture) -> None:
    told: list[str] = []
    kept = [Mending(told, name) for name in ("first", "broken", "last")]
    for one in kept:
        fork.register(one)

    def passes() -> bool:
        return told == ["first", "broken", "last"] and "could not be made ready" in caplog.text

    with caplog.at_level(logging.ERROR, "meshlib"):
        assert in_a_child(passes)
    assert told == [], "the parent is left alone"


def test_nothing_is_kept_alive_by_it() -> None:
    gc.collect()
    told: list[str] = []
    gone = Mending(told, "gone")
    fork.register(gone)
    locks = len(fork._locks)
    lock = fork.new_lock()
    assert len(fork._locks) == locks + 1
    del gone, lock
    gc.collect()
    assert len(fork._locks) == locks
    assert in_a_child(lambda: told == [])


def test_a_variable_of_the_parents_call_is_empty_in_the_child() -> None:
    variable: ContextVar[str | None] = ContextVar("of a call", default=None)
    fork.forget(variable)
    token = variable.set("the parent's")
    try:
        assert in_a_child(lambda: variable.get() is None)
        assert variable.get() == "the parent's"
    finally:
        variable.reset(token)
        fork._variables.remove(variable)


def test_without_cpythons_private_name_a_warning_says_what_may_hang(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lock = fork.new_lock()
    monkeypatch.setattr(fork, "REINIT", "_no_such_name")

    def passes() -> bool:
        return "cannot make" in caplog.text and free(lock)

    assert in_a_child(passes)


@pytest.mark.parametrize("lock", [threading.Lock(), threading.RLock()], ids=["lock", "rlock"])
def test_canary_cpython_makes_locks_new_by_the_name_we_use(lock: threading.Lock) -> None:
    lock.acquire()
    getattr(lock, fork.REINIT)()
    assert lock.acquire(blocking=False)


def test_canary_a_reentrant_lock_says_whether_the_caller_holds_it() -> None:
    lock = threading.RLock()
    owned = getattr(lock, fork.OWNED)
    assert not owned()
    with lock:
        assert owned()
    assert not hasattr(threading.Lock(), fork.OWNED), "a plain lock has no owner, and is always made new"
