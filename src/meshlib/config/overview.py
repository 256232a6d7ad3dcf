"""A configuration as text: every service, each value that somebody set, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshlib.config.node import DEFAULT
from meshlib.config.problems import show
from meshlib.config.section import Section
from meshlib.config.sections import SECTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshlib.config.result import Config
    from meshlib.config.settings import Settings


def overview(config: Config, *, everything: bool = False) -> str:
    """One line per value; `everything` also shows what is left at its default."""
    lines = [f"unconfigured = {config.unconfigured}  [{config.unconfigured_origin}]"]
    if not config.enabled:
        lines.insert(0, "meshlib is switched off by MESHLIB_ENABLED: clients are plain httpx")
    lines += ["", "[defaults]", *_scope(config.defaults, everything)]
    for key, settings in config.services.items():
        lines += ["", f"[services.{key}]", *_names(settings), *_scope(settings, everything)]
    return "\n".join(lines)


def _names(settings: Settings) -> Iterator[str]:
    if settings.discovery is not None:
        yield f"discovery = {show(str(settings.discovery))}  [{settings.origin('discovery')}]"
    if settings.hosts:
        yield f"hosts = {show(settings.hosts)}  [{settings.origin('hosts')}]"


def _scope(settings: Settings, everything: bool) -> Iterator[str]:
    for name in SECTIONS:
        if not everything and not settings.configured(name):
            continue
        model = getattr(settings, name)
        if model is None:
            yield f"{name} = off  [{settings.origin(name)}]"
            continue
        for path, value in _values(model):
            origin = settings.origin(name, *path)
            if everything or origin != str(DEFAULT):
                yield f"{'.'.join((name, *path))} = {show(value)}  [{origin}]"


def _values(model: Section, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    for field in type(model).model_fields:
        value = getattr(model, field)
        if isinstance(value, Section):
            yield from _values(value, (*above, field))
        elif value is not None:
            yield (*above, field), value
