"""What two threads look for and do not find is made once; what comes in between a look and a step harms neither.

Each test brings the second thread in at the very place where it could harm, so nothing here depends on a lucky switch,
nor on the lock that some builds of Python hold over all of it.
"""

from __future__ import annotations

import threading
import time
from functools import cache
from typing import Any

import pytest

import meshlib
from meshlib.discovery.loop import ControlLoop
from meshlib.discovery.workers import Workers
from meshlib.layers.tracing import telemetry
from tests.layers.chains import context
from tests.ways import eventually


def in_another_thread(work: Any) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_chains_that_are_built_at_once_share_their_state() -> None:
    shared, found = context(), []

    def slow() -> object:
        in_another_thread(lambda: found.append(shared.state("budget", object)))
        return object()

    found.append(shared.state("budget", slow))
    assert found[0] is found[1] is shared.state("budget", object)


def test_there_is_one_telemetry_however_many_ask_for_it_first(switching: None, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    class Slow(telemetry.Telemetry):
        def __init__(self) -> None:
            made.append(self)
            time.sleep(0.01)

    monkeypatch.setattr(telemetry, "Telemetry", Slow)
    monkeypatch.setattr(telemetry, "_the_one", cache(telemetry._the_one.__wrapped__))
    threads = [threading.Thread(target=telemetry.telemetry) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1


class Emptied(dict[Any, Any]):
    """A store that another thread empties as soon as something is put into it."""

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key, value)
        in_another_thread(self.clear)


def test_a_chain_is_there_although_another_call_has_cleared_the_full_store() -> None:
    mesh = meshlib.Mesh({"payment-service": meshlib.Service("static://127.0.0.1:1")})
    state = mesh._services["payment-service"]
    state._variants = Emptied()
    assert state._variant(_options(2)) is not state.chain


def _options(attempts: int) -> Any:
    return meshlib.options(retry={"max_attempts": attempts})["meshlib"]


class Between(threading.Condition):
    """Runs `hook` once, right after its lock was let go."""

    def __init__(self, hook: Any) -> None:
        super().__init__()
        self._hooks = [hook]

    def __exit__(self, *exc_info: Any) -> None:
        super().__exit__(*exc_info)
        if self._hooks:
            self._hooks.pop()()


def test_a_look_up_done_by_the_caller_is_not_taken_by_a_thread_that_starts_after_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workers, started, done = Workers(), threading.Thread.start, []

    def none_to_be_had(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    def another_call() -> None:
        monkeypatch.setattr(threading.Thread, "start", started)
        other = workers.submit("other", lambda: "found too")
        assert eventually(other.done.is_set)

    monkeypatch.setattr(threading.Thread, "start", none_to_be_had)
    workers._changed = Between(another_call)
    assert workers.submit("name", lambda: done.append(1) or "found").result() == "found"  # type: ignore[func-returns-value]
    assert done == [1]


class Wanted:
    """As much of a watch as the loop's books need."""

    closed = False
    key = ("dns", "", "a")


def test_who_comes_and_goes_while_the_watches_are_listed_does_no_harm(switching: None) -> None:
    loop, kept, stop = ControlLoop(), [Wanted() for _ in range(50)], threading.Event()
    loop.stop()  # no thread: only its books are asked

    def come_and_go() -> None:
        while not stop.is_set():
            one: Any = Wanted()
            loop.subscribe(one)
            loop.unsubscribe(one)

    for one in kept:
        loop.subscribe(one)  # type: ignore[arg-type]
    threads = [threading.Thread(target=come_and_go) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3000):
            assert set(kept) <= set(loop.watches())  # type: ignore[comparison-overlap]
    finally:
        stop.set()
        for thread in threads:
            thread.join()
