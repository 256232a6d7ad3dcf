"""A signal is set once, for ever; who subscribes later is called at once."""

import threading

from meshlib.runtime.signal import Signal


def test_waiters_are_called_once():
    signal, calls = Signal(), []
    signal.subscribe(lambda: calls.append(1))
    assert not signal.is_set()
    signal.set()
    signal.set()
    assert (signal.is_set(), calls) == (True, [1])


def test_a_late_subscriber_is_called_at_once():
    signal, calls = Signal(), []
    signal.set()
    signal.subscribe(lambda: calls.append(1))()
    assert calls == [1]


def test_a_subscription_can_be_taken_back():
    signal, calls = Signal(), []
    take_back = signal.subscribe(lambda: calls.append(1))
    take_back()
    take_back()
    signal.set()
    assert calls == []


def test_nobody_is_missed_when_threads_subscribe_while_it_is_set():
    for _ in range(200):
        signal, calls = Signal(), []
        threads = [
            threading.Thread(target=signal.subscribe, args=(lambda calls=calls: calls.append(1),)) for _ in range(3)
        ]
        threads.append(threading.Thread(target=signal.set))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(calls) == 3


def test_a_finalizer_may_set_it_while_this_thread_subscribes():
    """Any allocation may start the garbage collector, and a collected response gives its connection on."""
    signal, calls = Signal(), []

    class Waiters(list):
        def append(self, wake):
            super().append(wake)
            signal.set()

    signal._waiters = Waiters()
    thread = threading.Thread(target=signal.subscribe, args=(lambda: calls.append(1),), daemon=True)
    thread.start()
    thread.join(5)
    assert (thread.is_alive(), calls) == (False, [1])
