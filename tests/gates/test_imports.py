"""The arrows of the design: who may know whom. Imports for types only and inside functions count too."""

from pathlib import Path

import pytest

from tests.gates import source

CONTRACT = (
    "address",
    "call",
    "body",
    "classify",
    "endpoint",
    "errors",
    "events",
    "journal",
    "layer",
    "library",
    "runtime",
    "stats",
)
FOLDERS = ("layers", "discovery", "wire")
# Of the configuration everyone may name what a section is written with, and the settings a layer is built from.
WORDS = ("config.section", "config.values", "config.settings")
# The contract stands below all of these.
ABOVE_THE_CONTRACT = (*FOLDERS, "client", "httpx2", "transport", "mesh", "pipeline", "cli", "server", "testing")


def own_imports(path: Path) -> list[tuple[int, str]]:
    """Imports of our own modules, as the part after `meshlib.`."""
    return [(line, name.removeprefix("meshlib.")) for line, name in source.imports(path) if name.startswith("meshlib.")]


def within(name: str, modules: tuple[str, ...]) -> bool:
    return any(name == m or name.startswith(m + ".") for m in modules)


def home(path: Path) -> str:
    """The folder a file may know all of: `layers.retry`, `discovery` or `wire`."""
    parts = path.relative_to(source.PACKAGE).parts
    return ".".join(parts[:2]) if parts[0] == "layers" else parts[0]


def violations(path: Path) -> list[str]:
    """What a file imports against the arrows."""
    top = path.relative_to(source.PACKAGE).parts[0].removesuffix(".py")
    where = path.relative_to(source.ROOT)
    if top in FOLDERS:
        allowed = (*CONTRACT, *WORDS, home(path))
        wrong = [(line, n) for line, n in own_imports(path) if not within(n, allowed)]
    elif top in CONTRACT:
        wrong = [(line, n) for line, n in own_imports(path) if within(n, ABOVE_THE_CONTRACT)]
    elif top in ("pipeline", "mesh", "config"):
        wrong = [(line, n) for line, n in own_imports(path) if within(n, ("client", "httpx2", "transport", "cli"))]
    else:
        wrong = []
    return [f"{where}:{line} knows meshlib.{n}" for line, n in wrong]


@pytest.mark.parametrize("path", source.modules(), ids=source.dotted)
def test_modules_know_only_what_stands_below_them(path: Path) -> None:
    assert not violations(path)


@pytest.mark.parametrize(
    ("file", "text", "wrong"),
    [
        ("layers/retry/layer.py", "from meshlib.layers.balance import policy", True),
        ("layers/retry/layer.py", "from ..balance.policy import pick", True),
        ("layers/retry/layer.py", "from . import policy", False),
        ("layers/retry/config.py", "from meshlib.config.section import Section", False),
        ("wire/pool.py", "def f():\n    import meshlib.mesh", True),
        ("discovery/dns.py", "from ..events import Event", False),
        ("call.py", "if TYPE_CHECKING:\n    from meshlib.layers.retry import Retry", True),
        ("mesh.py", "from meshlib.client import Client", True),
    ],
)
def test_the_rule_itself_tells_right_from_wrong(
    file: str, text: str, wrong: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "PACKAGE", tmp_path / "meshlib")
    monkeypatch.setattr(source, "ROOT", tmp_path)
    path = tmp_path / "meshlib" / file
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert bool(violations(path)) is wrong
