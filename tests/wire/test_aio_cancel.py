"""A cancelled operation of the asyncio stream loses no data and leaves nothing open."""

import asyncio
import gc
import ssl
import threading
from pathlib import Path

import pytest

from tests.wire.peers import PATIENCE, Peer, echo, peer
from tests.wire.streams import each_aio, turns, until


@each_aio
def test_a_cancelled_read_loses_nothing(kind):
    async def scenario():
        stream = await kind.connect(echoing.port)
        for _ in range(3):
            reading = asyncio.ensure_future(stream.read())
            await turns(2)
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
        reading = asyncio.ensure_future(stream.read())
        await turns(2)
        await stream.write(b"x")
        await until(lambda: stream.stream._inbox.size or reading.done())
        reading.cancel()  # maybe between the arrival and the resumption
        try:
            got = await reading
        except asyncio.CancelledError:
            got = await stream.read()
        assert got == b"x"
        await stream.write(b"y")
        assert await stream.read() == b"y"
        await stream.close()

    with Peer(echo) as echoing:
        kind.run(scenario)


@each_aio
def test_a_cancellation_that_meets_the_data_leaves_the_data(kind):
    """Both in one turn of the loop: the read is cancelled, and the next one finds what came."""

    async def scenario():
        stream = await kind.connect(echoing.port)
        reading = asyncio.ensure_future(stream.read())
        await turns(2)
        stream.stream.data_received(b"z")
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert await stream.read() == b"z"
        await stream.close()

    with Peer(echo) as echoing:
        kind.run(scenario)


@each_aio
def test_a_cancelled_write_can_be_closed_and_the_peer_sees_the_end(kind):
    async def scenario():
        stream = await kind.connect(deaf.port)
        writing = asyncio.ensure_future(stream.write(bytes(50_000_000)))
        await until(lambda: stream.stream._paused)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        await stream.close()
        await turns()
        go.set()

    def drain_later(self, sock):
        go.wait(PATIENCE)
        self.drain(sock)

    go = threading.Event()
    with peer(drain_later) as deaf:
        kind.run(scenario)
        assert deaf.ended.wait(PATIENCE)


@each_aio
def test_a_cancelled_handshake_leaves_nothing_open(kind):
    async def scenario():
        for ready in range(1, 12):
            draining.ended.clear()
            stream = await kind.connect(draining.port)
            shaking = asyncio.ensure_future(stream.start_tls(ssl.create_default_context(), "x"))
            await turns(ready)
            shaking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await shaking
            await until(draining.ended.is_set)

    with peer(Peer.drain) as draining:
        kind.run(scenario)


@each_aio
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_cancelled_dial_leaves_nothing_open(kind, host):
    async def scenario():
        for ready in range(40):
            dialling = asyncio.ensure_future(kind.connect(echoing.port, host=host))
            await turns(ready)
            dialling.cancel()
            try:
                await (await dialling).close()
            except asyncio.CancelledError:
                pass
        await asyncio.sleep(0.05)
        await turns()
        gc.collect()
        return sockets()

    with Peer(echo) as echoing:
        before = sockets()
        left = kind.run(scenario) - before
        ours = len(echoing.connections)
    assert left - ours <= 3  # the loop's own: its selector's and the two ends of its waker


def sockets():
    """How many sockets this process has open."""
    count = 0
    for number in Path("/proc/self/fd").iterdir():
        try:
            count += str(number.readlink()).startswith("socket:")
        except OSError:  # the listing's own descriptor
            pass
    return count
