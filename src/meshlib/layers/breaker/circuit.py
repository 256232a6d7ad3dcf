"""The pybreaker side of a breaker: the circuit that operators and listeners see, driven through its public interface.

pybreaker's own `call` would lock across the request, let everybody in when half-open and take a cancellation for a
failure; so our machine decides, and the circuit follows it. It runs the listeners, outside of every lock of ours. What
somebody does to it by hand comes back to the machine through a listener of our own.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any
from weakref import WeakMethod

from pybreaker import CircuitBreaker, CircuitBreakerListener, CircuitMemoryStorage

from meshlib.layers.breaker.policy import Input, Rules, State
from meshlib.runtime.fork import adopt, new_lock, register

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from meshlib.layers.breaker.policy import Machine

_log = logging.getLogger("meshlib")

_BY_HAND = {"open": Input.FORCED_OPEN, "half-open": Input.FORCED_HALF_OPEN, "closed": Input.FORCED_CLOSED}
_NAMES = {State.OPEN: "open", State.HALF_OPEN: "half-open", State.CLOSED: "closed"}


class Circuit:
    """One `pybreaker.CircuitBreaker`, kept in step with a `Machine`.

    `breaker` is public: an operator may call its `open()` and `close()`. Raises nothing of what listeners raise.
    """

    def __init__(self, breaker: CircuitBreaker, storage: CircuitMemoryStorage | None) -> None:
        self.breaker = breaker
        self._storage = storage  # None: the user's factory made it, and its storage is private to it
        self._shown = State.CLOSED
        self._driver: int | None = None
        self._lock = new_lock()
        adopt(breaker._lock)  # pybreaker's, private; held while a state changes
        register(self)

    @classmethod
    def make(cls, name: str, rules: Rules, listeners: Sequence[Any]) -> Circuit:
        """A circuit with counters in memory."""
        storage = CircuitMemoryStorage(_NAMES[State.CLOSED])
        breaker = CircuitBreaker(
            fail_max=rules.consecutive_failures,
            reset_timeout=rules.open_min,
            success_threshold=rules.trials,
            listeners=[Guarded(listener) for listener in listeners],
            state_storage=storage,
            name=name,
            throw_new_error_on_trip=False,
        )
        return cls(breaker, storage)

    @classmethod
    def adopt(cls, breaker: CircuitBreaker, listeners: Sequence[Any]) -> Circuit:
        """A circuit round a breaker of the user's factory; its listeners and ours can no longer hurt it.

        A factory may keep its breakers, and give one again for an endpoint that was away: nobody is told twice.
        """
        told = [*breaker.listeners, *listeners]
        for listener in breaker.listeners:
            breaker.remove_listener(listener)
        for listener in dict.fromkeys(item.listener if isinstance(item, Guarded) else item for item in told):
            if not isinstance(listener, _Watch):
                breaker.add_listener(Guarded(listener))
            elif listener.wanted:
                breaker.add_listener(listener)
        return cls(breaker, None)

    def after_fork(self) -> None:
        """A thread that was changing the breaker's state does not exist in a forked child."""
        if self._driver != threading.get_ident():
            self._driver = None

    def watch(self, by_hand: Callable[[Input], None]) -> None:
        """Call `by_hand` when somebody else changes the state, and now if a factory's breaker is not closed."""
        self.breaker.add_listener(_Watch(self, by_hand))
        begun = self.by_hand(self.breaker.current_state)
        if begun is not None:
            by_hand(begun)

    def follow(self, machine: Machine) -> list[State]:
        """Bring the breaker into the machine's state; returns the states it went to. One thread at a time does this."""
        went: list[State] = []
        while True:
            with self._lock:
                target = machine.state
                if self._driver is not None or self._shown is target:
                    return went
                self._driver = threading.get_ident()
            try:
                self._drive(target)
            finally:
                with self._lock:  # shown again: somebody may have changed it by hand in between
                    self._driver, self._shown = None, target
            went.append(target)

    def succeeded(self) -> None:
        """Count, and tell the listeners."""
        if self._storage is not None:
            self._storage.reset_counter()
        for listener in self.breaker.listeners:
            _guarded(listener.success, self.breaker)

    def failed(self, error: Callable[[], BaseException]) -> None:
        """Count, and tell the listeners; `error` is made only if there are some."""
        if self._storage is not None:
            self._storage.increment_counter()
        listeners = [item for item in self.breaker.listeners if not isinstance(item, _Watch)]
        if listeners:
            exc = error()
            for listener in listeners:
                _guarded(listener.failure, self.breaker, exc)

    def is_failure(self, error: BaseException) -> bool:
        """False for what the user's breaker excludes."""
        return _guarded(self.breaker.is_system_error, error) is not False

    def by_hand(self, name: str) -> Input | None:
        """What a change to pybreaker's state `name` means, unless it is `follow` that makes it in this thread."""
        with self._lock:
            if self._driver == threading.get_ident():
                return None
            self._shown = next(state for state, shown in _NAMES.items() if shown == name)
            return _BY_HAND[name]

    def _drive(self, target: State) -> None:
        to = {State.OPEN: self.breaker.open, State.HALF_OPEN: self.breaker.half_open, State.CLOSED: self.breaker.close}
        try:
            to[target]()
        except Exception:  # noqa: BLE001 - a listener that was added later, or the user's storage
            _log.exception("breaker %s: going to %s failed in pybreaker", self.breaker.name, _NAMES[target])
            if self._storage is not None:
                self._storage.state = _NAMES[target]


class Guarded(CircuitBreakerListener):
    """A user's listener: one that raises is reported in the log, and the breaker changes its state all the same."""

    def __init__(self, listener: Any) -> None:
        self.listener = listener

    def failure(self, cb: Any, exc: BaseException) -> None:
        _guarded(self.listener.failure, cb, exc)

    def success(self, cb: Any) -> None:
        _guarded(self.listener.success, cb)

    def state_change(self, cb: Any, old_state: Any, new_state: Any) -> None:
        _guarded(self.listener.state_change, cb, old_state, new_state)


class _Watch(CircuitBreakerListener):
    """Does not keep alive whom it tells: a breaker of the user's may outlive the endpoint it was made for."""

    def __init__(self, circuit: Circuit, by_hand: Callable[[Input], None]) -> None:
        self._circuit = circuit
        self._by_hand = WeakMethod(by_hand)

    @property
    def wanted(self) -> bool:
        """Whether there still is somebody to tell."""
        return self._by_hand() is not None

    def state_change(self, cb: Any, old_state: Any, new_state: Any) -> None:
        tell = self._by_hand()
        happened = self._circuit.by_hand(new_state.name) if tell is not None else None
        if tell is not None and happened is not None:
            tell(happened)


def _guarded(function: Callable[..., Any], *args: Any) -> Any:
    try:
        return function(*args)
    except Exception:  # noqa: BLE001 - whatever a listener raises
        _log.exception("a listener of a breaker failed")
        return None
