"""What a forked child must forget: locks that a thread of the parent held, and whatever belonged to such threads.

A child has one thread, the one that forked, and a copy of everything else: locks that nobody will ever release, counts
of work that nobody will ever finish, sockets that the parent goes on using. Holding every lock over each fork would
make each fork wait for each of them; so here, as in CPython's own `logging` and `threading`, locks are made new in the
child, and objects that registered mend their own state.

The forking thread may itself be inside a call, and will go on with it. A reentrant lock that it holds is therefore left
as it is. A plain lock cannot tell who holds it: nothing that may fork (a user's function, say) runs under one.
"""

from __future__ import annotations

import itertools
import logging
import os
import threading
from contextvars import ContextVar
from typing import Any, Protocol
from weakref import WeakValueDictionary

_log = logging.getLogger("meshlib")

REINIT = "_at_fork_reinit"
"""CPython's way to make a lock new in a forked child. Private: `tests/runtime/test_fork.py` has its canary."""
OWNED = "_is_owned"
"""Whether the calling thread holds a reentrant lock; `threading.Condition` relies on the same private name."""


class Forkable(Protocol):
    """Something with state that a forked child must mend."""

    def after_fork(self) -> None:
        """Called in the child, in its only thread, before anything else of the application runs there."""


_number = itertools.count()
_locks: WeakValueDictionary[int, threading.Lock | threading.RLock] = WeakValueDictionary()
_objects: WeakValueDictionary[int, Forkable] = WeakValueDictionary()
_variables: list[ContextVar[Any]] = []


def new_lock() -> threading.Lock:
    """A lock that is free in a forked child, whoever holds it in the parent. Never run what may fork under it."""
    lock = threading.Lock()
    adopt(lock)
    return lock


def new_rlock() -> threading.RLock:
    """A reentrant lock that, in a forked child, is held by the forking thread or by nobody."""
    lock = threading.RLock()
    adopt(lock)
    return lock


def adopt(lock: threading.Lock | threading.RLock) -> None:
    """Treat a lock that somebody else made like one of ours."""
    _locks[next(_number)] = lock


def forget(variable: ContextVar[Any]) -> None:
    """Set `variable` to None in every forked child: it names a call that goes on in the parent."""
    _variables.append(variable)


def register(obj: Forkable) -> None:
    """Call `obj.after_fork()` in every forked child for as long as `obj` lives: in order of registration, after all
    locks were made new. What one of them raises is logged, and the others are called all the same.
    """
    _objects[next(_number)] = obj


def _after_in_child() -> None:
    for lock in list(_locks.values()):
        _make_new(lock)
    for variable in _variables:
        variable.set(None)
    for obj in list(_objects.values()):
        try:
            obj.after_fork()
        except Exception:  # noqa: BLE001 - one that cannot be mended must not leave the others unmended
            _log.exception("after a fork, %r could not be made ready for the child", obj)


def _make_new(lock: object) -> None:
    owned = getattr(lock, OWNED, None)
    reinit = getattr(lock, REINIT, None)
    if owned is not None and owned():
        return
    if reinit is None:
        _log.warning("this Python cannot make %r new after a fork: if it was held, the child will hang on it", lock)
        return
    reinit()


os.register_at_fork(after_in_child=_after_in_child)
