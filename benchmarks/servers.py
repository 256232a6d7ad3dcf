"""The far side of a benchmark: replicas in processes of their own, so that only the client's time is measured."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def replicas(count: int) -> Iterator[list[str]]:
    """Addresses of `count` servers that answer 200 at once."""
    command = [sys.executable, "-m", "meshlib.testing.server"]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(count)
    ]
    try:
        yield [_address(process) for process in processes]
    finally:
        for process in processes:
            process.communicate()  # the end of its input ends it


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip().removeprefix("http://")
