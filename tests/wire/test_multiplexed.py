"""Who gets a place on which connection: by what the server chose for that one, and in the time that there is."""

from types import SimpleNamespace
from typing import Any

import httpcore
import pytest

from meshlib.runtime.signal import Signal
from meshlib.runtime.sync import complete
from meshlib.wire import http2, on_httpcore
from meshlib.wire.home import Home
from meshlib.wire.http2 import Multiplexed, Shared
from meshlib.wire.pool import Pool


def new_pool() -> Pool:
    origin = httpcore.Origin(b"https", b"h", 443)
    return Pool(Home(None), None, origin, 10, 5.0)


def connection(protocol: str) -> Any:
    tls = SimpleNamespace(selected_alpn_protocol=lambda: protocol)
    stream = SimpleNamespace(get_extra_info=lambda info: tls if info == "ssl_object" else None)
    return SimpleNamespace(shared=None, stream=stream)


def test_a_server_that_learns_http2_is_spoken_to_in_http2():
    """Each connection is what its own handshake said, whatever the pool's last one was."""
    pool, multiplexed = new_pool(), Multiplexed(on_httpcore.Router.kind, prior=False)
    answers = [connection("http/1.1"), connection("h2"), connection("http/1.1")]

    async def obtain() -> Any:
        return answers.pop(0)

    def take() -> Any:
        return complete(multiplexed.take(pool, obtain, None))

    old = answers[0]
    assert take() is old
    taken = take()
    assert isinstance(taken, Shared)
    assert take() is taken
    assert taken.users == 2
    assert len(answers) == 1


def test_dials_of_others_that_fail_do_not_lengthen_the_wait(monkeypatch):
    clock, asked = [100.0], []

    class Runtime:
        async def wait(self, signal: Signal, timeout: float) -> bool:
            asked.append(timeout)
            clock[0] += min(timeout, 0.4)
            return timeout > 0.4

    async def obtain() -> Any:
        raise AssertionError("another one is dialling all the time")

    monkeypatch.setattr(http2, "now", lambda: clock[0])
    pool = new_pool()
    pool.flight = Signal()
    kind: Any = SimpleNamespace(core=httpcore, runtime=Runtime(), sync=False)
    with pytest.raises(httpcore.ConnectTimeout):
        complete(Multiplexed(kind, prior=False).take(pool, obtain, 1.0))
    assert asked == pytest.approx([1.0, 0.6, 0.2])
    assert clock[0] == pytest.approx(101.0)
