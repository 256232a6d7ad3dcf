"""What the environment says, as a tree. A double underscore goes one level down, and nothing else does.

A variable holds a whole section as an inline table (TOML or JSON) or one key; of two that say the same, the one that
names it more closely wins. An empty variable counts as not set, as it does in a shell's `${NAME:-default}`.
"""

from __future__ import annotations

import json
import tomllib
from datetime import date, time
from functools import partial
from typing import TYPE_CHECKING, Any

from meshlib.config.node import Node, Origin, grow, merge
from meshlib.config.problems import nearest, show
from meshlib.config.sections import NOT_BUILT, SECTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "MESHLIB_"
CONFIG, ENABLED, UNCONFIGURED = "MESHLIB_CONFIG", "MESHLIB_ENABLED", "MESHLIB_UNCONFIGURED"
_SHAPES = {
    "defaults": "MESHLIB_DEFAULTS__<SECTION>__<KEY>",
    "services": "MESHLIB_SERVICES__<SERVICE>__<SECTION>__<KEY>",
}
_SWITCH = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
_ROOT = Node({}, Origin("environment"), "")


def read_environment(environ: Mapping[str, str], problems: list[str]) -> Node:
    """The tree of all variables that set something; what cannot be read is added to `problems`."""
    root: Node = _ROOT
    for name in sorted((n for n in environ if n.startswith(PREFIX)), key=lambda n: (n.count("__"), n)):
        keys = _keys(name, problems)
        if keys and environ[name].strip():
            root = merge(root, _tree(keys, name, environ[name].strip(), problems)) or root
    return root


def read_enabled(environ: Mapping[str, str], problems: list[str]) -> bool:
    """Whether meshlib is to be used at all. Default: it is."""
    text = environ.get(ENABLED, "").strip().lower() or "1"
    if text not in _SWITCH:
        problems.append(f"{ENABLED} = {show(environ[ENABLED])} (environment): must be 1 or 0")
    return _SWITCH.get(text, True)


def _keys(name: str, problems: list[str]) -> tuple[str, ...]:
    """Where a variable's value belongs in the tree; empty if nowhere."""
    if name in (CONFIG, ENABLED):
        return ()  # read on their own
    if name == UNCONFIGURED:
        return ("unconfigured",)
    segments = tuple(name.removeprefix(PREFIX).lower().split("__"))
    least = {"defaults": 2, "services": 3}.get(segments[0], 0)
    if not least or len(segments) < least or not all(text.strip("_") == text != "" for text in segments):
        problems.append(f"{name} (environment): unknown variable; {_hint(name, segments)}")
        return ()
    if segments[0] == "services":
        return ("services", segments[1].replace("_", "-"), *segments[2:])
    return segments


def _hint(name: str, segments: tuple[str, ...]) -> str:
    first = segments[0]
    if first in (*SECTIONS, *NOT_BUILT):
        return f"did you mean MESHLIB_DEFAULTS__{name.removeprefix(PREFIX)}?"
    if first in _SHAPES:
        return f"must be {_SHAPES[first]}"
    known = {text.removeprefix(PREFIX).lower(): text for text in (CONFIG, ENABLED, UNCONFIGURED)} | _SHAPES
    guess = nearest(first, known)  # without the prefix, which would make all of them near
    return f"did you mean {known[guess]}?" if guess else f"known are {', '.join(known.values())}"


def _tree(keys: tuple[str, ...], name: str, text: str, problems: list[str]) -> Node | None:
    try:
        node = grow(parse_text(text), partial(_locate, name))
    except (ValueError, RecursionError) as error:
        reason = "is nested too deeply" if isinstance(error, RecursionError) else error
        problems.append(f"{name} (environment): {reason}")
        return None
    for key in reversed(keys):
        node = Node({key: node}, *_locate(name, ()))
    return node


def _locate(name: str, keys: tuple[str, ...]) -> tuple[Origin, str]:
    return Origin("environment", name), f"{name}: {'.'.join(keys)}" if keys else name


def parse_text(text: str) -> Any:
    """A number, true or false, a list or a table in TOML's or JSON's notation; any other text stands for itself.

    Raises ValueError for what begins as a list or table and is neither.
    """
    try:
        parsed = tomllib.loads(f"value = {text}")
        value = parsed["value"] if len(parsed) == 1 else text
        return text if isinstance(value, date | time) else value
    except tomllib.TOMLDecodeError as error:
        if not text.startswith(("{", "[")):
            return text
        try:
            return json.loads(text)
        except ValueError:
            raise ValueError(f"is a broken table or list: {_without_position(error)}") from None


def _without_position(error: ValueError) -> str:
    """The parser's words; its column counts what we put in front of the text."""
    return str(error).partition(" (at ")[0]
