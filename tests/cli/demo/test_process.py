"""A child process is read to its last line, and one that does not start is an error that names it."""

import asyncio
import json

import httpx
import pytest

from meshlib.cli.demo.process import Child
from meshlib.testing.server.fleet import reserved_port


def test_what_a_killed_process_had_written_is_read_and_its_input_steers_it():
    async def story(port):
        lines = []
        child = await Child.start("meshlib.testing.server", ["--port", str(port), "--report"], lines.append)
        child.tell('{"status": 503}')
        async with httpx.AsyncClient(trust_env=False, headers={"X-Request-Id": "a"}) as client:
            while (await client.get(f"http://127.0.0.1:{port}/")).status_code != 503:
                pass
            sent = 1 + (await client.get(f"http://127.0.0.1:{port}/")).is_error
        await child.kill()
        return lines, sent

    with reserved_port(["127.0.0.1"]) as port:
        lines, sent = asyncio.run(story(port))
    assert len(lines) >= sent
    assert {json.loads(line)["id"] for line in lines} == {"a"}


def test_a_process_that_ends_at_once_is_named():
    with pytest.raises(RuntimeError, match=r"meshlib\.testing\.server --port x did not start \(status 2\)"):
        asyncio.run(Child.start("meshlib.testing.server", ["--port", "x"], print))
