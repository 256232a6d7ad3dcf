"""A fault server as a process of its own, controlled through its standard streams.

    python -m meshlib.testing.server --host 127.0.0.2 --port 8001 --mode '{"delay": 0.02}'

Out: first one line with the URL; then, with --report, one JSON line per request before it is answered. It is written
straight to the pipe, so that even a killed server has told what it executed.
In: each line is a new mode as JSON (`{}` is plain 200). The end of the input ends the process, so that no orphan
outlives its starter.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys

from meshlib.testing.server.aio import AsyncFaultServer
from meshlib.testing.server.mode import Mode
from meshlib.testing.server.request import Request

STDOUT = 1


def _report(request: Request, executed: bool) -> None:
    told = {"id": request.request_id, "method": request.method, "executed": executed}
    os.write(STDOUT, json.dumps(told).encode() + b"\n")


async def _serve(server: AsyncFaultServer) -> None:
    commands = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    await server.start()
    os.write(STDOUT, f"http://{server.address}\n".encode())
    try:
        async for line in commands:
            await server.set_mode(Mode.from_json(line.decode()))
    finally:
        await server.stop()


def main() -> None:
    """Parse the arguments and serve until the input ends."""
    parser = argparse.ArgumentParser(
        prog="meshlib.testing.server", description="An HTTP server that misbehaves on purpose."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--mode", type=Mode.from_json, default=Mode(), help="the first mode, as JSON")
    parser.add_argument("--seed", type=int, default=0, help="of random service times")
    parser.add_argument("--report", action="store_true", help="tell every request on standard output")
    given = parser.parse_args()
    report = _report if given.report else None
    asyncio.run(_serve(AsyncFaultServer(given.host, given.port, mode=given.mode, seed=given.seed, on_request=report)))


if __name__ == "__main__":
    main()
