"""What can be seen of one call, as plain data: the response in every state, errors, cookies, the log."""

import contextlib
import pickle
import re
from typing import Any

import pytest

from meshlib.journal import EXTENSION
from tests.door.lean_cases import Case
from tests.ways import Face

LAZY = {
    "_decoder",
    "_cookies",
    "_text",
    "_encoding",
    "_elapsed",
}  # made when asked for; httpx2 asks the stream for the last


class Seen:
    """What can be seen of one call, as plain data; `parts` by name, so that a difference is named too."""

    def __init__(self) -> None:
        self.parts: dict[str, Any] = {}

    def response(self, response: Any, request: Any) -> None:
        parts = self.parts
        parts["own request"] = response.request is request
        parts["response"] = self.outside(response)
        parts["history"] = [self.outside(r) for r in response.history]
        parts["attributes"] = sorted(vars(response).keys() - LAZY)
        parts["extensions"] = sorted(k for k in response.extensions if k != EXTENSION)
        parts["elapsed"] = self.outcome(lambda: response.elapsed.total_seconds() >= 0)
        parts["content"] = self.outcome(lambda: response.content)
        parts["text"] = self.outcome(lambda: response.text)
        parts["json"] = self.outcome(response.json)
        parts["raised"] = self.outcome(response.raise_for_status)
        parts["cookies"] = self.outcome(lambda: sorted(response.cookies.items()))
        parts["links"] = self.outcome(lambda: response.links)
        parts["pickled"] = self.outcome(lambda: self.outside(pickle.loads(pickle.dumps(response))))

    def outside(self, r: Any) -> Any:
        following = r.next_request
        return {
            "repr": repr(r),
            "status": (r.status_code, r.reason_phrase, r.http_version, type(r.status_code)),
            "headers": (r.headers.raw, r.headers.encoding, dict(r.headers), repr(r.headers)),
            "url": str(r.url),
            "encodings": (r.default_encoding, self.outcome(lambda: r.encoding), r.charset_encoding),
            "state": (r.is_closed, r.is_stream_consumed, r.num_bytes_downloaded),
            "kinds": (r.is_success, r.is_redirect, r.is_error, r.has_redirect_location),
            "next": following and (following.method, str(following.url), without_boundary(following.headers.raw)),
        }

    def outcome(self, ask: Any) -> Any:
        try:
            value = ask()
        except Exception as exc:
            return self.error(exc)
        return repr(value) if type(value).__module__.startswith("httpx") else value

    def error(self, exc: BaseException, request: Any = None) -> Any:
        cause = exc.__cause__
        timeout = type(exc).__name__.endswith("Timeout")  # each network stream has words of its own
        chain = cause and (type(cause).__name__, timeout or str(cause))
        found = [type(exc).__qualname__, timeout or _without_ports(str(exc)), chain]
        if request is not None:
            found.append(getattr(exc, "_request", None) is request)
        return found


def without_boundary(sent: Any) -> str:
    """httpx draws one for each multipart body."""
    return re.sub(r"[0-9a-f]{32}", "boundary", repr(sent))


def _without_ports(text: str) -> str:
    return text.partition(" for url")[0]


async def observed(client: Face, url: str, case: Case, caplog: pytest.LogCaptureFixture) -> dict[str, Any]:
    """Send the request of `case` and look at everything."""
    seen, caplog_from = Seen(), len(caplog.records)
    arguments = dict(case.arguments)
    follow = {"follow_redirects": arguments.pop("follow_redirects")} if "follow_redirects" in arguments else {}
    if arguments.get("content") == "chunks":
        arguments["content"] = _chunks(client.way.sync)
    request = client.client.build_request(case.method, url, **arguments)
    before = (request.headers.raw, dict(request.extensions))
    try:
        response = await client.send(request, stream=case.read != "whole", **follow)
        seen.parts["head"] = seen.outside(response)
        seen.parts["read"] = await _read(seen, client, response, case.read)
        seen.response(response, response.request if response.history else request)
        seen.parts["again"] = [await _try(seen, client, response, how) for how in ("read", "close", "raw")]
    except Exception as exc:
        seen.parts["error"] = seen.error(exc, request)
    seen.parts["request"] = (request.headers.raw, dict(request.extensions)) == before
    seen.parts["jar"] = sorted((c.name, c.value, c.path) for c in client.client.cookies.jar)
    seen.parts["log"] = [
        (r.name, r.levelname, r.getMessage(), r.msg)
        for r in caplog.records[caplog_from:]
        if r.name in ("httpx", "httpx2")
    ]
    client.client.cookies.clear()
    return seen.parts


async def _read(seen: Seen, client: Face, response: Any, how: str) -> Any:
    """The body in one of the ways in which it can be read."""
    sync, got = client.way.sync, []
    if how in ("whole", "nothing"):
        if how == "nothing":
            await client.close(response)
        return None
    names = {
        "bytes": "iter_bytes",
        "raw": "iter_raw",
        "raw 7": "iter_raw",
        "text": "iter_text",
        "lines": "iter_lines",
        "some": "iter_raw",
    }
    sizes = {"raw 7": (7,), "some": (5,)}
    method = getattr(response, names[how] if sync else f"a{names[how]}")
    chunks = method(*sizes.get(how, ()))
    try:
        if sync:
            for chunk in chunks:
                got.append(chunk)
                if how == "some":
                    break
        else:
            async with contextlib.aclosing(chunks):
                async for chunk in chunks:
                    got.append(chunk)
                    if how == "some":
                        break
    finally:
        await client.close(response)
        response._num_bytes_downloaded = -1 if how == "some" else response.num_bytes_downloaded  # as the chunks came
    return got if how in ("lines", "some", "raw 7") else (b"" if how in ("bytes", "raw") else "").join(got)


async def _try(seen: Seen, client: Face, response: Any, how: str) -> Any:
    try:
        if how == "raw":
            return await client.pull(response, [])
        return await getattr(client, how)(response)
    except Exception as exc:
        return seen.error(exc)


def _chunks(sync: bool) -> Any:
    async def later():
        yield b"two "
        yield b"chunks"

    return iter([b"two ", b"chunks"]) if sync else later()
