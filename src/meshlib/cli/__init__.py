"""The `meshlib` command: each subcommand is a module with `main(argv) -> int`, imported only when it is called."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import cast

_COMMANDS = {
    "check": "check a configuration, and show every value with its origin",
    "explain": "show what a request to a URL would go through",
    "demo": "run bare httpx, careful httpx and meshlib side by side in trouble",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the subcommand that `argv` (default: the process's arguments) names; returns the exit status."""
    listing = "\n".join(f"  {name:<9}{text}" for name, text in _COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="meshlib", epilog=f"commands:\n{listing}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=_COMMANDS, metavar="command", help="one of those below")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="its own; `meshlib <command> --help` lists them")
    if not (sys.argv[1:] if argv is None else argv):
        parser.print_help(sys.stderr)
        return 2
    given = parser.parse_args(argv)
    run = cast("Callable[[Sequence[str]], int]", import_module(f"meshlib.cli.{given.command}").main)
    return run(given.arguments)
