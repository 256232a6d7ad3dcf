"""One version: distribution, package and changelog say the same."""

import re
import tomllib
from importlib import metadata

import meshlib
from tests.gates import source


def test_distribution_package_and_changelog_agree() -> None:
    declared = tomllib.loads((source.ROOT / "pyproject.toml").read_text())["project"]["version"]
    newest = re.search(r"^## \[?(\d[\w.]*)", (source.ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest, "CHANGELOG.md has no section '## <version>'"
    assert {declared, metadata.version("meshlib-client"), meshlib.__version__, newest[1]} == {declared}
