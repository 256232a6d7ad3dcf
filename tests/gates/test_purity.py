"""Decisions are pure: the same arguments give the same decision, in every runtime and in virtual time."""

import ast
from pathlib import Path

import pytest

from tests.gates import source

BANNED = ("httpx", "httpx2", "httpcore", "httpcore2", "asyncio", "anyio", "trio", "time", "datetime", "secrets", "uuid")
ALLOWED_OF_RANDOM = "random.Random"  # as a type: the source itself is an argument
WAITING = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)


def decisions() -> list[Path]:
    return [p for p in source.modules() if p.name == "policy.py" or p.parent == source.PACKAGE / "stats"]


def impurities(path: Path) -> list[str]:
    """Waiting, and names by which time, randomness or the network come in."""
    waits = [f"line {n.lineno}: {type(n).__name__}" for n in ast.walk(source.tree(path)) if isinstance(n, WAITING)]
    names = [(line, name) for line, name in source.imports(path) if name.split(".")[0] in BANNED]
    chance = [
        (line, name)
        for line, name in source.imports(path)
        if name.split(".")[0] == "random" and name not in ("random", ALLOWED_OF_RANDOM)
    ]
    calls = [
        f"line {n.lineno}: random.{n.attr}"
        for n in ast.walk(source.tree(path))
        if isinstance(n, ast.Attribute)
        and isinstance(n.value, ast.Name)
        and n.value.id == "random"
        and n.attr != "Random"
    ]
    return waits + calls + [f"line {line}: imports {name}" for line, name in names + chance]


@pytest.mark.parametrize("path", decisions(), ids=source.dotted)
def test_decisions_take_time_and_chance_as_arguments(path: Path) -> None:
    assert not impurities(path)


@pytest.mark.parametrize(
    ("text", "pure"),
    [
        ("import random\ndef f(rng: random.Random) -> float: return rng.random()", True),
        ("from random import Random", True),
        ("import random\nx = random.random()", False),
        ("from random import choice", False),
        ("import time", False),
        ("def f():\n    from asyncio import sleep", False),
        ("async def f(): ...", False),
        ("import httpx", False),
    ],
)
def test_the_rule_itself_tells_pure_from_impure(
    text: str, pure: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "PACKAGE", tmp_path / "meshlib")
    path = tmp_path / "meshlib" / "policy.py"
    path.parent.mkdir()
    path.write_text(text)
    assert (not impurities(path)) is pure
