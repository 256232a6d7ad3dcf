"""Runs the Python of one page in a process of its own: the blocks share a namespace, top to bottom, as a reader does.

Standard input holds the blocks as JSON. `httpx` and `meshlib` are imported. `await` is allowed at the top
level; all such blocks share one event loop.
"""

import ast
import asyncio
import inspect
import json
import os
import sys
import tempfile
import warnings
from types import CodeType
from typing import Any

import httpx

import meshlib
from tests.gates.docs.blocks import Block
from tests.gates.docs.stand_in import StandIn


def compiled(code: str, block: Block) -> CodeType:
    """Line numbers are the page's."""
    padded = "\n" * (block.line - 1) + code
    return compile(padded, block.page, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)


def execute(code: CodeType, names: dict[str, Any], runner: asyncio.Runner) -> None:
    if code.co_flags & inspect.CO_COROUTINE:

        async def main() -> None:
            await eval(code, names)

        runner.run(main())
    else:
        exec(code, names)


def run(block: Block, names: dict[str, Any], runner: asyncio.Runner) -> None:
    try:
        execute(compiled(block.setup, block), names, runner)
        execute(compiled(block.code, block), names, runner)
    except Exception as error:
        if type(error).__name__ != block.raises:
            error.add_note(f"in the block at {block.where}")
            raise
    else:
        if block.raises:
            raise AssertionError(f"{block.where}: should raise {block.raises}")


def main() -> None:
    warnings.simplefilter("error")
    names = {"__name__": "__main__", "stand_in": StandIn(), "httpx": httpx, "meshlib": meshlib}
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        os.chdir(folder)
        for block in json.load(sys.stdin):
            run(Block(**block), names, runner)


if __name__ == "__main__":
    main()
