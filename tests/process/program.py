"""Programs that run in a process of their own, because they fork, end or may hang."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LIMIT = 60.0  # seconds for a whole process: enough on a busy machine, and far less than what hangs here would take
FORKS = "ignore:This process:DeprecationWarning"  # Python 3.12 on: what is tested here is that it goes well


def run(code: str, *arguments: str, limit: float = LIMIT) -> str:
    """What a program prints. One that fails, says anything on stderr or does not end in time is an error."""
    return _checked([sys.executable, "-W", "error", "-W", FORKS, "-c", textwrap.dedent(code), *arguments], limit)


def run_file(path: Path, *arguments: str, limit: float = LIMIT) -> str:
    """`run` for a program that other processes must be able to import."""
    return _checked([sys.executable, "-W", "error", "-W", FORKS, str(path), *arguments], limit)


def in_a_child(passes: Callable[[], bool]) -> bool:
    """Whether `passes()` is true in a forked child."""
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(0 if passes() else 1)
        finally:
            os._exit(2)
    return os.waitpid(pid, 0)[1] == 0


def _checked(command: list[str], limit: float) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
    assert (done.returncode, done.stderr[-4000:]) == (0, ""), f"{done.stderr[-4000:]}\n{done.stdout[-1000:]}"
    return done.stdout
