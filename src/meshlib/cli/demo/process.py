"""A child process of the demo whose lines are read all the time and which can be killed like a crashed one."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Self

PATIENCE = 60.0  # seconds for a process to say that it is there; eighteen of them start at once


class Child:
    """`await Child.start(module, arguments, on_line)`: returns when the process has written its first line."""

    def __init__(self, process: asyncio.subprocess.Process, reading: asyncio.Task[None]) -> None:
        self._process = process
        self._reading = reading

    @classmethod
    async def start(cls, module: str, arguments: list[str], on_line: Callable[[bytes], None]) -> Self:
        """Start `python -m module arguments`; `on_line` gets every line after the first.

        Raises RuntimeError if it ends without a first line, or none comes in time.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", module, *arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,  # the terminal's Ctrl-C is for the demo alone; it ends its children itself
        )
        assert process.stdout is not None
        try:
            first = await asyncio.wait_for(process.stdout.readline(), PATIENCE)
        except TimeoutError:
            process.kill()
            first = b""
        if not first:
            raise RuntimeError(f"{module} {' '.join(arguments)} did not start (status {await process.wait()})")
        return cls(process, asyncio.create_task(_read(process.stdout, on_line)))

    def tell(self, line: str) -> None:
        """Write a line to its input."""
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")

    async def kill(self) -> None:
        """SIGKILL, as a crash or the kernel would; what it had written is still read."""
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        await self._reading

    async def finished(self) -> int:
        """Wait until it ends by itself; its exit status."""
        await self._reading
        return await self._process.wait()


async def _read(stream: asyncio.StreamReader, on_line: Callable[[bytes], None]) -> None:
    """Take whatever has come at once: waiting for each line alone would cost the most of all that the parent does."""
    rest = b""
    while chunk := await stream.read(1 << 16):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            on_line(line)
