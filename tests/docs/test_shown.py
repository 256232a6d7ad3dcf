"""Output that a page shows is what its code prints; figures, ports and paths are the reader's own."""

import re
from pathlib import Path

import pytest

import meshlib
from meshlib.cli import main
from tests.gates.docs.blocks import blocks
from tests.gates.docs.test_docs import sandbox

DOCS = Path(__file__).parents[2] / "docs"
README = DOCS.parent / "README.md"
CONFIGURATION = DOCS / "configuration.md"


def shown(page: Path, start: str) -> str:
    """The block of the page that begins so."""
    (found,) = [block.code for block in blocks(page) if block.code.startswith(start)]
    return found


def shape(text: str) -> list[str]:
    """Lines without their figures and the width of these."""
    return [" ".join(re.sub(r"\d+(\.\d+)?", "0", line).split()) for line in text.strip().splitlines()]


def test_the_readmes_journal_is_what_its_code_prints() -> None:
    (text,) = [block for block in blocks(README) if "call.hop" in block.code]
    done = sandbox([block for block in blocks(README) if block.language == "python" and block.line < text.line])
    assert done.returncode == 0, done.stderr
    assert shape(done.stdout) == shape(text.code)


def test_meshlib_check_prints_what_the_page_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "meshlib.toml"
    file.write_text(shown(CONFIGURATION, "[defaults.retry]"))
    assert main(["check", str(file)]) == 0
    assert capsys.readouterr().out.replace(str(file), "/etc/meshlib.toml") == shown(
        CONFIGURATION, "unconfigured = safe"
    )


BROKEN = """[services.payment-service]
discovery = "static://10.0.0.1:8080"
retry = { max_atempts = 4, backoff = "100 parsecs" }
attempt = { timeout = "2s" }
deadline = { timeout = "1s" }
hedge = {}
"""


def test_meshlib_check_reports_what_the_page_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "broken.toml"
    file.write_text(BROKEN)
    assert main(["check", str(file)]) == 1
    command, _, report = shown(CONFIGURATION, "$ meshlib check broken.toml").partition("\n")
    assert command == "$ meshlib check broken.toml"
    assert capsys.readouterr().err.replace(str(file), "broken.toml") == report


def test_explain_prints_what_the_page_shows() -> None:
    retry = meshlib.Retry(max_attempts=4, backoff=0.1)
    mesh = meshlib.Mesh({"payment-service": meshlib.Service("static://10.0.0.1:8080,10.0.0.2:8080", retry=retry)})
    lines = mesh.explain("http://payment-service/charge").splitlines()
    begin, _, end = shown(CONFIGURATION, "http://payment-service/charge").strip().partition("\n  ...\n")
    assert lines[: begin.count("\n") + 1] == begin.splitlines()
    assert lines[-1] == end
