"""Reads all sources, checks everything, and raises all that is wrong at once."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING

from meshlib.config.effective import effective
from meshlib.config.hosts import parse_host
from meshlib.config.node import Node, Origin
from meshlib.config.problems import about, show
from meshlib.config.result import Config
from meshlib.config.shape import Checked, check_source
from meshlib.config.source_code import read_code
from meshlib.config.source_environment import CONFIG, read_enabled, read_environment
from meshlib.config.source_file import read_file
from meshlib.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from meshlib.config.section import Section
    from meshlib.config.service import Service
    from meshlib.config.settings import Settings


def load(
    *,
    services: Mapping[str, Service | Mapping[str, object]] | None = None,
    defaults: Mapping[str, Section | Mapping[str, object] | bool] | None = None,
    unconfigured: str | None = None,
    file: str | Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Config:
    """The configuration from code (the first three), environment and file, in this order of precedence.

    `file` stands in place of MESHLIB_CONFIG; `environ` (default: `os.environ`) is read once, here.
    Raises ConfigError with every problem of every source. Under MESHLIB_ENABLED=0 they are a warning: what switches
    meshlib off must work just when its configuration is what is wrong.
    """
    environ = os.environ if environ is None else environ
    problems: list[str] = []
    code, environment = read_code(services, defaults, unconfigured), read_environment(environ, problems)
    trees = [code, environment, _file(file, environ, problems)]
    enabled = read_enabled(environ, problems)
    config = _merge([check_source(tree, problems) for tree in trees], problems, enabled=enabled)
    if problems and enabled:
        raise ConfigError(dict.fromkeys(problems))
    if problems:
        warnings.warn("\n".join(dict.fromkeys(problems)), stacklevel=2)
    return config


def _file(file: str | Path | None, environ: Mapping[str, str], problems: list[str]) -> Node:
    if file is not None:
        return read_file(file, f"file = {show(file)} (code)", problems)
    if named := environ.get(CONFIG, "").strip():
        return read_file(named, f"{CONFIG} = {show(named)} (environment)", problems)
    return Node({}, Origin("file"), "")


def _merge(sources: list[Checked], problems: list[str], *, enabled: bool) -> Config:
    keys = dict.fromkeys(key for source in sources for key in source.services)
    services = {key: effective(key, sources, problems) for key in keys}
    problems.extend(_names_taken_twice(services))
    unconfigured = next((source.unconfigured for source in sources if source.unconfigured is not None), None)
    return Config.of(effective(None, sources, problems), services, enabled=enabled, unconfigured=unconfigured)


def _names_taken_twice(services: Mapping[str, Settings]) -> Iterator[str]:
    owners = {parse_host(key): key for key in services if "*" not in key}
    for key, settings in services.items():
        for name in settings.hosts:
            owner = owners.setdefault(parse_host(name), key)
            if owner != key:
                yield about(settings.nodes["hosts"], f"{name} already means the service {owner}")
