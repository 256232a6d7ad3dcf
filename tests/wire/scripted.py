"""A scripted peer under our HTTP/1.1 connection and under httpcore's own, and what came of it."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
import httpcore
import httpcore2
import pytest

from meshlib.runtime.sync import complete
from meshlib.wire import on_httpcore, on_httpcore2
from meshlib.wire.connection import Connection
from meshlib.wire.home import Home
from meshlib.wire.outgoing import Outgoing
from meshlib.wire.pool import Pool
from meshlib.wire.slots import Slots

FOUR = {
    f"{'sync' if sync else 'async'}-{core.__name__}": (core, module, sync)
    for core, module in ((httpcore, on_httpcore), (httpcore2, on_httpcore2))
    for sync in (True, False)
}
each = pytest.mark.parametrize("name", FOUR)
TWO = [(httpcore, on_httpcore, True), (httpcore2, on_httpcore2, False)]


class Script:
    """A peer: what each read gives, and from which write on writing fails."""

    def __init__(self, core: Any, pieces: list[bytes], breaks: int | None = None) -> None:
        self.core = core
        self.pieces = list(pieces)
        self.breaks = breaks
        self.writes = 0
        self.written = b""
        self.closed = False
        self.attempt = self.on_lost = None

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if not self.pieces:
            return b""
        piece, rest = self.pieces[0][:max_bytes], self.pieces[0][max_bytes:]
        self.pieces[:1] = [rest] if rest else []
        return piece

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.writes += 1
        if self.breaks is not None and self.writes > self.breaks:
            raise self.core.WriteError("broken pipe")
        self.written += buffer

    def close(self) -> None:
        self.closed = True

    abort = close

    def get_extra_info(self, info: str) -> Any:
        return None


class AsyncScript(Script):
    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # type: ignore[override]
        return super().read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # type: ignore[override]
        super().write(buffer, timeout)

    async def aclose(self) -> None:
        self.close()

    async def still_fit(self) -> bool:
        return True


class Upload:
    """A request body that comes in parts, sync or async; `fails` after the last."""

    def __init__(self, parts: list[bytes], fails: bool = False) -> None:
        self.parts, self.fails = parts, fails

    def __iter__(self) -> Any:
        yield from self.parts
        if self.fails:
            raise LookupError("the user's own")

    async def __aiter__(self) -> Any:
        for part in self:
            yield part


def outcome_of(step: Any, script: Script) -> dict[str, Any]:
    """Status, headers, body and extensions, or the error's class and text; what was written; the socket."""
    told: dict[str, Any] = {"body": b""}
    try:
        asyncio.run(step(told)) if isinstance(script, AsyncScript) else complete(step(told))
    except Exception as exc:
        told["error"] = (type(exc), str(exc))
    return {**told, "written": script.written, "closed": script.closed}


def by_stock(core: Any, sync: bool, script: Script, method: bytes, headers: Any, content: Any) -> dict[str, Any]:
    origin = core.Origin(b"http", b"h", 80)
    connection = (core.HTTP11Connection if sync else core.AsyncHTTP11Connection)(origin, script)

    async def step(told: dict[str, Any]) -> None:
        request = core.Request(method, "http://h/x", headers=headers, content=content)
        response = connection.handle_request(request) if sync else await connection.handle_async_request(request)
        told.update(status=response.status, headers=response.headers)
        told.update({k: v for k, v in response.extensions.items() if k != "network_stream"})
        if sync:
            for chunk in response.stream:
                told["body"] += chunk
            response.close()
        else:
            async for chunk in response.stream:
                told["body"] += chunk
            await response.aclose()
        told["reusable"] = connection.is_idle()

    told = outcome_of(step, script)
    told["trails"] = bool(connection._h11_state.trailing_data[0])
    kind, text = told.get("error", (None, ""))
    return {**told, "error": (core.LocalProtocolError, text)} if kind is h11.LocalProtocolError else told


def by_ours(
    core: Any, module: Any, sync: bool, script: Script, method: bytes, headers: Any, content: Any, hold: bool = False
) -> dict[str, Any]:
    kind = module.Router.kind if sync else module.AsyncRouter.kind
    slots, pool = Slots(1, 1), Pool(Home(None), None, None, 1, 5.0)
    slots.checkout(pool, 0.0)
    connection = Connection(kind, pool, slots, kind.io(script), 1e12)
    slots.opened(connection)
    if type(content) is bytes:
        content = kind.byte_stream(content)

    async def step(told: dict[str, Any]) -> None:
        request = Outgoing(method, b"http", b"h", None, b"/x", headers, content, {})
        answer = await connection.exchange(request, {}, hold=hold)
        told.update(status=answer.status, headers=answer.headers)
        told.update({k: v for k, v in answer.extensions.items() if k != "network_stream"})
        if answer.body is not None:
            told["body"] = answer.body
        else:
            while (chunk := await answer.stream.next()) is not None:
                told["body"] += chunk
        told["reusable"] = connection in slots.idle

    told = outcome_of(step, script)
    told["trails"] = bool(connection._h11.trailing_data[0])
    counts = slots.counts()
    assert (counts["open"], counts["active"]) == (counts["idle"], 0), "whatever happened, nothing is left in use"
    assert counts["idle"] == (0 if script.closed else 1)
    return told


def both(name: Any, pieces: list[bytes], method: bytes = b"GET", headers: Any = None, content: Any = None, **more: Any):
    """The outcome of ours, and of httpcore's."""
    core, module, sync = FOUR[name] if isinstance(name, str) else name
    headers = [(b"Host", b"h")] if headers is None else headers
    make = Script if sync else AsyncScript
    breaks, hold = more.pop("breaks", None), more.pop("hold", False)
    ours = by_ours(
        core, module, sync, make(core, pieces, breaks), method, headers, b"" if content is None else content, hold
    )
    return ours, by_stock(core, sync, make(core, pieces, breaks), method, headers, content)
