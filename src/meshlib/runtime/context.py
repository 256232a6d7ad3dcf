"""Context variables in coroutines that nobody finishes."""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import TypeVar

T = TypeVar("T")


def restore(variable: ContextVar[T], token: Token[T]) -> None:
    """`variable.reset(token)`. A coroutine left over from a dead event loop is ended by the garbage collector, in
    somebody else's context: there is nothing to restore there.
    """
    try:
        variable.reset(token)
    except ValueError:
        pass
