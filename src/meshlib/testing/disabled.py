"""Plain httpx for a while: to see whether a failure is meshlib's, and to test the code around it without a mesh."""

from __future__ import annotations

import inspect
from contextlib import aclosing
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

from meshlib.switch import switch

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

F = TypeVar("F", bound="Callable[..., Any]")


def disable() -> Disabled:
    """Make every client and transport of meshlib plain httpx, at once, until what is returned is undone.

        with meshlib.testing.disable(): ...         # undone at the end
        @meshlib.testing.disable()                  # for each call of a function, coroutine, generator or fixture
        off = meshlib.testing.disable(); ...; off.undo()

    It holds in all threads and event loops, for clients that exist, that are wrapped and that are made meanwhile: no
    layer, no discovery, no retry, no mesh header, no journal. As with MESHLIB_ENABLED=0, a service that is found by
    discovery resolves by plain DNS only. Several may overlap: meshlib works again when the last one is undone. A call
    that had begun before goes on to the end of its hop.
    """
    return Disabled()


class Disabled:
    """What `disable()` returns. It is in force from its making to its `undo()`; `with` puts it in force again."""

    def __init__(self) -> None:
        self._active = False
        self.__enter__()

    def undo(self) -> None:
        """Let meshlib work again. Does nothing the second time."""
        if self._active:
            self._active = False
            switch.turn(-1)

    def __enter__(self) -> Disabled:
        if not self._active:
            self._active = True
            switch.turn(1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.undo()

    def __call__(self, function: F) -> F:
        """`function` with meshlib off while it runs, and only then. Raises TypeError for a class."""
        self.undo()
        if isinstance(function, type) or not callable(function):
            raise TypeError(f"disable() decorates functions, not {function!r}")
        for is_kind, wrapper in _KINDS:
            if is_kind(function):
                return wraps(function)(wrapper(function))  # type: ignore[return-value]
        return wraps(function)(_plain(function))  # type: ignore[return-value]


def _plain(function: Any) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        with disable():
            return function(*args, **kwargs)

    return call


def _coroutine(function: Any) -> Any:
    async def call(*args: Any, **kwargs: Any) -> Any:
        with disable():
            return await function(*args, **kwargs)

    return call


def _generator(function: Any) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        with disable():
            return (yield from function(*args, **kwargs))

    return call


def _async_generator(function: Any) -> Any:
    """What is sent or thrown into it does not reach the function; fixtures are only iterated."""

    async def call(*args: Any, **kwargs: Any) -> Any:
        with disable():
            async with aclosing(function(*args, **kwargs)) as values:
                async for value in values:
                    yield value

    return call


_KINDS = (
    (inspect.iscoroutinefunction, _coroutine),
    (inspect.isasyncgenfunction, _async_generator),
    (inspect.isgeneratorfunction, _generator),
)
