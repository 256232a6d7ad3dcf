"""The code in the documentation.

Every fence says its language. python, toml, json and sh are run or checked; text, diff and mermaid are shown only.
A comment straight before a fence changes what is done with it, and is seen by no reader:

    <!-- test: skip REASON -->        left out, because REASON
    <!-- test: raises NAME -->        the block must end with this exception
    <!-- test: setup                  Python to run before the block, in the page's namespace
    CODE
    -->
"""

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

from tests.gates.source import ROOT

CHECKED, SHOWN = ("python", "toml", "json", "sh"), ("text", "diff", "mermaid")
FENCE = re.compile(
    r"(?P<comments>(?:^[ ]*<!-- test:.*?-->[ ]*\n+)*)"
    r"^[ ]*```(?P<language>\w*)[^\n]*\n(?P<code>.*?)^[ ]*```[ ]*$",
    re.MULTILINE | re.DOTALL,
)
COMMENT = re.compile(r"<!-- test: (?P<verb>\w+)\s?(?P<text>.*?)\s*-->", re.DOTALL)


@dataclass(frozen=True)
class Block:
    page: str
    line: int  # of its first line of code
    language: str
    code: str
    skip: str = ""
    raises: str = ""
    setup: str = ""

    @property
    def where(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path) -> list[Block]:
    return parse(page.read_text(), str(page.relative_to(ROOT)))


def parse(text: str, page: str) -> list[Block]:
    """All blocks of a page. Raises ValueError for a comment it does not know."""
    found = []
    for match in FENCE.finditer(text):
        line = text.count("\n", 0, match.start("code")) + 1
        orders = {m["verb"]: m["text"] for m in COMMENT.finditer(match["comments"])}
        if unknown := orders.keys() - {"skip", "raises", "setup"}:
            raise ValueError(f"{page}:{line}: unknown test comment {sorted(unknown)}")
        found.append(Block(page, line, match["language"], textwrap.dedent(match["code"]), **orders))
    return found
