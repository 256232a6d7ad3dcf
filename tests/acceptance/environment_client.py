"""Run by test_environment in a process of its own: no code but the client, everything from the environment.

Prints one JSON line: how many GETs and POSTs succeeded. `argv[1]` is sync, asyncio or trio.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import httpx
import trio

import meshlib

CALLS = 200


def _ok(client: Any, method: str, number: int) -> Any:
    return client.request(method, "http://payment-service/charge", headers={"X-Request-Id": f"{method}-{number}"})


def run_sync(client: Any) -> dict[str, int]:
    done = {"GET": 0, "POST": 0}
    with client:
        for number in range(CALLS):
            for method in done:
                try:
                    done[method] += _ok(client, method, number).status_code == 200
                except httpx.HTTPError:
                    pass
    return done


async def run_async() -> dict[str, int]:
    done = {"GET": 0, "POST": 0}
    async with meshlib.AsyncClient() as client:
        for number in range(CALLS):
            for method in done:
                try:
                    done[method] += (await _ok(client, method, number)).status_code == 200
                except httpx.HTTPError:
                    pass
    return done


def main(how: str) -> None:
    if how == "sync":
        done = run_sync(meshlib.Client())
    elif how == "asyncio":
        done = asyncio.run(run_async())
    else:
        done = trio.run(run_async)
    print(json.dumps(done))


if __name__ == "__main__":
    main(sys.argv[1])
