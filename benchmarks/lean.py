"""What one `client.send()` costs over a wire that answers at once: httpx's own, ours by httpx's code, and the lean way.

`python -m benchmarks.lean`. Microseconds of processor time, the least of many short rounds; the cases take turns.
Figures: docs/adr/0008-lean-send.md.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx
import httpx2

import meshlib
from meshlib.library import httpx2_library, httpx_library
from meshlib.wire.answer import Answer

URL = "http://payment-service/charge"
ROUNDS, CALLS = 300, 20
HEADERS = [
    (b"Server", b"nginx"),
    (b"Date", b"Tue, 24 Nov 2026 17:00:00 GMT"),
    (b"Content-Type", b"application/json"),
    (b"Content-Length", b"12"),
    (b"Connection", b"keep-alive"),
]
BODY = b'{"ok": true}'


def extensions() -> dict[str, Any]:
    return {"http_version": b"HTTP/1.1", "reason_phrase": b"OK"}


def null_pool(pool: Any, core: Any) -> Any:
    """A pool of httpcore's, or our router, made to answer at once."""
    kind = type(pool)

    class Null(kind):  # type: ignore[misc, valid-type]
        def handle_request(self, request: Any) -> Any:
            released(request.extensions.get("meshlib.attempt"))
            return core.Response(200, headers=HEADERS, content=BODY, extensions=extensions())

        async def handle_async_request(self, request: Any) -> Any:
            return Null.handle_request(self, request)

        async def exchange(self, attempt: Any, outgoing: Any) -> Answer:
            released(attempt)
            return Answer(200, list(HEADERS), extensions(), BODY)

    pool.__class__ = Null
    return pool


def released(attempt: Any) -> None:
    if attempt is not None:
        attempt.returned = attempt.runtime.now()
        attempt.deadline = attempt.body_deadline
        attempt.release()


def client(hx: Any, who: str, *, sync: bool) -> Any:
    """A client of `who`: `bare`, `stock` (ours, by httpx's own code) or `lean`."""
    name = "Client" if sync else "AsyncClient"
    made: Any
    if who == "bare":
        made = getattr(hx, name)(trust_env=False)
    else:
        service = meshlib.Service("static://127.0.0.1:1,127.0.0.1:2,127.0.0.1:3", deadline={"timeout": 30.0})
        kind: Any = getattr(meshlib if hx is httpx else meshlib.httpx2, name)
        made = kind(mesh=meshlib.Mesh({"payment-service": service}), trust_env=False)
    core = (httpx_library() if hx is httpx else httpx2_library()).core
    null_pool(made._transport._pool, core)
    if who == "stock":
        made._meshlib.way.transport = lambda *args: None
    return made


def cost(made: Any, request: Any, *, sync: bool) -> Callable[[], float]:
    """A function that measures one round."""

    async def several() -> float:
        started = time.process_time()
        for _ in range(CALLS):
            await made.send(request)
        return time.process_time() - started

    def one_by_one() -> float:
        started = time.process_time()
        for _ in range(CALLS):
            made.send(request)
        return time.process_time() - started

    if sync:
        return one_by_one
    loop = asyncio.new_event_loop()
    return lambda: loop.run_until_complete(several())


def main() -> None:
    print(f"{'µs per send':<16}{'bare':>8}{'stock':>8}{'lean':>8}{'lean / bare':>14}")
    for hx in (httpx, httpx2):
        for sync in (True, False):
            rounds = []
            for who in ("bare", "stock", "lean"):
                made = client(hx, who, sync=sync)
                rounds.append(cost(made, made.build_request("GET", URL), sync=sync))
            taken = [[one() for one in rounds] for _ in range(ROUNDS)]
            bare, stock, lean = (min(times) / CALLS * 1e6 for times in zip(*taken, strict=True))
            kind = f"{hx.__name__} {'sync' if sync else 'async'}"
            print(f"{kind:<16}{bare:>8.1f}{stock:>8.1f}{lean:>8.1f}{lean / bare:>14.2f}")


if __name__ == "__main__":
    main()
