"""What our constructors take: httpx's arguments and `mesh`, without saying httpx's twice where a program runs."""

from __future__ import annotations

import inspect
from typing import Any, TypeVar

C = TypeVar("C", bound=type)


def like_parent(cls: C) -> C:
    """Let `inspect.signature(cls)`, and so `help()`, show the arguments of the parent's constructor, and `mesh`."""
    own: Any = vars(cls)["__init__"]
    parent: Any = next(vars(base)["__init__"] for base in cls.__mro__[1:] if "__init__" in vars(base))
    mesh = inspect.signature(own).parameters["mesh"]
    shown = inspect.signature(parent)
    own.__signature__ = shown.replace(parameters=[*shown.parameters.values(), mesh])
    return cls
