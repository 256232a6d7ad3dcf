"""`meshlib check [FILE]`: all problems of file and environment (status 1), or every value and its origin (status 0)."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from meshlib.config.loader import load
from meshlib.config.overview import overview
from meshlib.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str]) -> int:
    """Check the configuration this process would get; returns the exit status."""
    parser = argparse.ArgumentParser(prog="meshlib check", description=__doc__)
    parser.add_argument("file", nargs="?", help="a .toml or .json file, in place of MESHLIB_CONFIG")
    parser.add_argument("--all", action="store_true", help="also show what nobody set")
    given = parser.parse_args(argv)
    try:
        config = load(file=given.file)
    except ConfigError as error:
        count = len(error.problems)
        print(f"{count} problem{'s' if count > 1 else ''}:", *error.problems, sep="\n  ", file=sys.stderr)
        return 1
    print(overview(config, everything=given.all))
    return 0
