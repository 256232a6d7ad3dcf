"""The public API as text: every name with its kind and signature, one a line."""

import inspect
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

MODULES = ("meshlib", "meshlib.httpx2", "meshlib.testing")


def listing() -> str:
    return "".join(f"{line}\n" for name in MODULES for line in module_lines(import_module(name)))


def names(module: ModuleType) -> list[str]:
    """What a module offers: its `__all__`, else what it defines without an underscore."""
    own = [n for n, thing in vars(module).items() if getattr(thing, "__module__", None) == module.__name__]
    return sorted(getattr(module, "__all__", [n for n in own if not n.startswith("_")]))


def module_lines(module: ModuleType) -> Iterator[str]:
    for name in names(module):
        yield from lines(f"{module.__name__}.{name}", getattr(module, name))


def lines(path: str, thing: object) -> Iterator[str]:
    if inspect.isclass(thing):
        bases = ", ".join(b.__name__ for b in thing.__bases__ if not b.__name__.startswith("_"))
        yield f"class {path}({bases}){signature(thing)}"
        for name, member in sorted(vars(thing).items()):
            if not name.startswith("_"):
                yield from members(f"{path}.{name}", member)
    elif callable(thing):
        yield f"{'async def' if inspect.iscoroutinefunction(thing) else 'def'} {path}{signature(thing)}"
    else:
        yield f"{path}: {type(thing).__name__}"


def members(path: str, member: object) -> Iterator[str]:
    """Methods with signature; of properties and plain attributes only the name."""
    function = member.__func__ if isinstance(member, classmethod | staticmethod) else member
    if inspect.isfunction(function):
        yield f"  {'async def' if inspect.iscoroutinefunction(function) else 'def'} {path}{signature(function)}"
    elif isinstance(member, property):
        yield f"  {path}: property"


def signature(thing: object) -> str:
    """Parameters and defaults; annotations are the type checker's business. Objects print without their address."""
    try:
        found = inspect.signature(thing)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return ""
    return str(found.replace(parameters=[plain(p) for p in found.parameters.values()], return_annotation=found.empty))


def plain(parameter: inspect.Parameter) -> inspect.Parameter:
    default = parameter.default
    if default is not parameter.empty and " at 0x" in repr(default):
        default = type(default).__name__
    return parameter.replace(annotation=parameter.empty, default=default)
