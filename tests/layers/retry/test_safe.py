"""Hosts that nobody configured: one retry, which no user of httpx would call one."""

import httpx
import pytest

from meshlib.layers.retry.safe import SafeRetryLayer
from meshlib.testing.script import spawn
from meshlib.testing.virtual import VirtualRuntime


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_dead_kept_alive_connection_costs_nobody_a_failure(method: str) -> None:
    clock = VirtualRuntime()
    start, inner = spawn(SafeRetryLayer(), clock)
    call = start(method, content=iter([b"a", b"b"]) if method == "POST" else None)
    first = inner.expect()
    first.what.sent, first.what.reused = "nothing", True
    first.fail(httpx.WriteError("broken pipe"))
    second = inner.expect()
    assert clock.now() == 0.0
    assert b"".join(second.what.request.stream) == (b"ab" if method == "POST" else b"")
    second.what.sent, second.what.reused = "nothing", True
    second.fail(httpx.WriteError("broken pipe again"))
    inner.expect_nothing()
    with pytest.raises(httpx.WriteError, match="again"):
        call.result()


@pytest.mark.parametrize(
    ("error", "sent", "reused"),
    [
        (httpx.ConnectError("refused"), "nothing", False),
        (httpx.ReadError("reset"), "part", True),
        (httpx.RemoteProtocolError("disconnected"), "all", True),
        (httpx.ReadTimeout("slow"), "part", True),
        (httpx.PoolTimeout("no connection free"), "nothing", True),
    ],
)
def test_everything_else_is_raised_as_in_httpx(error: Exception, sent: str, reused: bool) -> None:
    start, inner = spawn(SafeRetryLayer(), VirtualRuntime())
    call = start()
    first = inner.expect()
    first.what.sent, first.what.reused = sent, reused
    first.fail(error)
    inner.expect_nothing()
    with pytest.raises(type(error)):
        call.result()


def test_a_failing_status_is_returned() -> None:
    start, inner = spawn(SafeRetryLayer(), VirtualRuntime())
    call = start()
    inner.expect().reply(503)
    inner.expect_nothing()
    assert call.result().status_code == 503


def test_the_requests_stream_is_left_alone() -> None:
    start, inner = spawn(SafeRetryLayer(), VirtualRuntime())
    start("POST", content=iter([b"a"]))
    assert type(inner.expect().what.request.stream).__name__ == "IteratorByteStream"
