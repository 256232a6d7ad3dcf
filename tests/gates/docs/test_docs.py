"""What the documentation shows, works: every block is run, loaded or checked."""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from meshlib.config.loader import load
from tests.gates.docs.blocks import CHECKED, SHOWN, Block, blocks, pages, parse
from tests.gates.docs.shell import settings_and_problems
from tests.gates.source import ROOT

ALL = [block for page in pages() for block in blocks(page)]


def of(language: str) -> list[Block]:
    return [b for b in ALL if b.language == language and not b.skip]


@pytest.mark.parametrize("page", pages(), ids=lambda p: str(p.relative_to(ROOT)))
def test_every_block_says_its_language_and_why_it_is_left_out(page: Path) -> None:
    assert page.read_text().count("```") == 2 * len(blocks(page)), "a fence the gate cannot read"
    assert not [b.where for b in blocks(page) if b.language not in CHECKED + SHOWN]
    assert not [b.where for b in blocks(page) if b.skip and len(b.skip) < 10]


def sandbox(run: list[Block]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.gates.docs.sandbox"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SSL_")}
    given = json.dumps([asdict(b) for b in run])
    return subprocess.run(command, input=given, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("page", sorted({b.page for b in of("python")}))
def test_the_python_of_a_page_runs(page: str) -> None:
    done = sandbox([b for b in of("python") if b.page == page])
    assert done.returncode == 0, done.stderr[-6000:]


@pytest.mark.parametrize("block", of("toml"), ids=lambda b: b.where)
def test_a_toml_block_is_a_configuration(block: Block, tmp_path: Path) -> None:
    file = tmp_path / "meshlib.toml"
    file.write_text(block.code)
    load(file=file, environ={})


def test_json_blocks_are_json() -> None:
    for block in of("json"):
        json.loads(block.code)


@pytest.mark.parametrize("block", of("sh"), ids=lambda b: b.where)
def test_a_shell_block_calls_what_exists_and_sets_what_is_a_setting(block: Block) -> None:
    settings, problems = settings_and_problems(block.code)
    assert not problems
    settings.pop("MESHLIB_CONFIG", None)  # names a file of the reader's machine
    load(environ=settings)


PAGE = """
<!-- test: setup
x = 1
-->
```python
assert x == 1
```
<!-- test: raises ZeroDivisionError -->
```python
await __import__("asyncio").sleep(0)
x / 0
```
"""


def test_the_comments_mean_what_they_say() -> None:
    first, second = parse(PAGE, "p.md")
    assert (first.setup, first.line, second.raises) == ("x = 1", 6, "ZeroDivisionError")


@pytest.mark.parametrize(
    ("code", "right"),
    [
        ("make test", True),
        ("make nothing", False),
        ("pip install 'meshlib-client[httpx2]'", True),
        ("pip install meshlib", False),
        ("pip install 'meshlib-client[nothing]'", False),
        ("meshlib check --nothing", False),
        ("frobnicate", False),
    ],
)
def test_shell_commands_are_told_right_from_wrong(code: str, right: bool) -> None:
    assert bool(settings_and_problems(code)[1]) is not right


@pytest.mark.parametrize(
    ("code", "right"),
    [
        ("import httpx\nassert httpx.get('http://payment-service/x').json()['ok']", True),
        ("import httpx\nassert httpx.get('https://payment-service:8443/x').json()['ok']", True),
        (
            "import httpx\nasync with httpx.AsyncClient() as c:\n    assert (await c.get('http://a/')).is_success",
            True,
        ),
        ("stand_in.next = [503]\nimport httpx\nassert httpx.get('http://a/').status_code == 503", True),
        ("import httpx\nhttpx.get('http://a.invalid/')", False),
        ("assert False", False),
        ("import warnings\nwarnings.warn('old')", False),
    ],
)
def test_the_sandbox_tells_right_from_wrong(code: str, right: bool) -> None:
    done = sandbox([Block("p.md", 1, "python", code)])
    assert (done.returncode == 0) is right, done.stderr
