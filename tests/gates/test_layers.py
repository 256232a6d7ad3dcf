"""One concern, one name: folder, config section, docs page and tests of a layer go together."""

from pathlib import Path

import pytest

from tests.gates import source


def layers() -> list[Path]:
    return sorted(p for p in (source.PACKAGE / "layers").iterdir() if p.is_dir() and p.name != "__pycache__")


@pytest.mark.parametrize("folder", layers(), ids=lambda p: p.name)
def test_a_layer_has_its_config_its_shell_its_page_and_its_tests(folder: Path) -> None:
    parts = ["config.py", "policy.py"] if folder.name == "route" else ["config.py", "layer.py"]  # route is no layer
    wanted = [*(folder / p for p in parts), source.ROOT / "docs" / "layers" / f"{folder.name}.md"]
    missing = [str(p.relative_to(source.ROOT)) for p in wanted if not p.is_file()]
    if not list((source.ROOT / "tests" / "layers" / folder.name).glob("test_*.py")):
        missing.append(f"tests/layers/{folder.name}/test_*.py")
    assert not missing
