"""What only the asyncio stream has to hold: bounded buffers, one timer, cancellation, the news of a lost connection."""

import asyncio
import gc
import socket
import ssl
import threading
from collections import Counter
from pathlib import Path

import pytest

from meshlib.runtime.sync import complete
from tests.wire.peers import PATIENCE, Peer, echo, peer, reset
from tests.wire.streams import each_aio

BOUND = 512 * 1024  # bytes that a slow reader may make us keep


async def turns(n=20):
    for _ in range(n):
        await asyncio.sleep(0)


async def until(true, seconds=PATIENCE):
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.005)


async def settled(value):
    """The value once it no longer changes."""
    last = None
    while last != (last := value()):
        await asyncio.sleep(0.05)
    return last


@each_aio
def test_a_slow_reader_keeps_little_in_memory_and_gets_it_all(kind):
    async def scenario():
        stream = await kind.connect(pouring.port)
        most, got = 0, 0
        while got < SIZE:
            most = max(most, await settled(lambda: stream.stream._inbox.size) if got < 500_000 else 0)
            most = max(most, stream.stream._inbox.size)
            got += len(data := await stream.read())
            assert data == bytes(len(data))
        assert got == SIZE
        assert 64 * 1024 < most <= BOUND
        await stream.close()

    SIZE = 20_000_000
    with Peer(lambda sock: sock.sendall(bytes(SIZE)) or sock.recv(1)) as pouring:
        kind.run(scenario)


class Counted(asyncio.SelectorEventLoop):
    """A loop that counts what is made in it."""

    def __init__(self):
        super().__init__()
        self.made = Counter()

    def call_later(self, *args, **kw):
        self.made["timer"] += 1
        return super().call_later(*args, **kw)

    def call_at(self, *args, **kw):
        self.made["timer at"] += 1
        return super().call_at(*args, **kw)

    def create_future(self):
        self.made["future"] += 1
        return super().create_future()

    def create_task(self, *args, **kw):
        self.made["task"] += 1
        return super().create_task(*args, **kw)


@each_aio
def test_a_hundred_exchanges_cost_one_timer_and_a_future_each(kind):
    async def scenario():
        stream = await kind.connect(echoing.port)
        loop = asyncio.get_running_loop()
        loop.made.clear()
        for _ in range(100):
            stream.attempt(60)
            await stream.write(b"x")
            assert await stream.read() == b"x"
        made = dict(loop.made)
        await stream.close()
        return made

    with Peer(echo) as echoing, asyncio.Runner(loop_factory=Counted) as runner:
        made = runner.run(scenario())
    assert made == {"timer": 1, "timer at": 1, "future": 100}  # asyncio's call_later calls call_at


@each_aio
def test_what_has_arrived_is_read_without_suspending(kind):
    async def scenario():
        stream = await kind.connect(echoing.port)
        complete(stream.stream.write(b"hello", 10))
        await until(lambda: stream.stream._inbox.size)
        assert complete(stream.stream.read(100, 10)) == b"hello"
        complete(stream.stream.aclose())
        await turns()

    with Peer(echo) as echoing:
        kind.run(scenario)


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


@each_aio
@pytest.mark.parametrize("end", [lambda sock: None, reset], ids=["close", "reset"])
def test_the_end_of_an_idle_connection_is_told_once(kind, end):
    async def scenario():
        stream = await kind.connect(leaving.port)
        told = []
        stream.stream.on_lost = lambda: told.append(threading.get_ident())
        go.set()
        await until(lambda: told)
        await turns()
        assert not await stream.still_fit()
        await stream.close()
        await turns()
        assert told == [threading.get_ident()]

    go = threading.Event()
    with Peer(lambda sock: go.wait(PATIENCE) and end(sock)) as leaving:
        kind.run(scenario)


@each_aio
def test_an_end_that_a_reader_sees_or_that_we_make_is_not_told(kind):
    async def scenario():
        told = []
        stream = await kind.connect(leaving.port)
        stream.stream.on_lost = lambda: told.append("reader")
        assert await stream.read() == b""
        await stream.close()
        ours = await kind.connect(leaving.port)
        ours.stream.on_lost = lambda: told.append("ours")
        await ours.close()
        await turns()
        assert not told

    with Peer(lambda sock: None) as leaving:
        kind.run(scenario)


@each_aio
def test_abort_while_nobody_runs_the_loop_takes_effect_when_somebody_does(kind):
    with peer(Peer.wait) as deaf, asyncio.Runner() as runner:
        stream = runner.run(kind.connect(deaf.port))
        lost = stream.stream
        stop = threading.Thread(target=lost.abort)
        stop.start()
        stop.join()
        assert lost.is_readable()
        runner.run(turns())
        assert lost.get_extra_info("socket").fileno() == -1


@each_aio
def test_abort_of_a_connection_whose_loop_is_closed_raises_nothing(kind):
    loop = asyncio.new_event_loop()
    loop.close()
    type(kind.backend).stream(loop).abort()


@each_aio
def test_two_readers_are_a_mistake_that_is_told(kind):
    async def scenario():
        stream = await kind.connect(echoing.port)
        first = asyncio.ensure_future(stream.read())
        await turns(2)
        with pytest.raises(RuntimeError, match="two tasks"):
            await stream.read()
        await stream.write(b"x")
        assert await first == b"x"
        await stream.close()

    with Peer(echo) as echoing:
        kind.run(scenario)


@each_aio
def test_a_response_can_be_read_after_the_peer_stopped_reading(kind):
    """A server may answer and close before it has the whole request: the answer counts."""

    async def scenario():
        stream = await kind.connect(hasty.port)
        with pytest.raises(kind.core.WriteError):
            await stream.write_on(bytes(100_000))
        assert (await stream.read()).startswith(b"HTTP/1.1 413")
        await stream.close()

    def answer(sock):
        sock.sendall(b"HTTP/1.1 413 Too Large\r\n\r\n")
        sock.shutdown(socket.SHUT_WR)
        go.wait(0.1)
        reset(sock)

    go = threading.Event()
    with Peer(answer) as hasty:
        kind.run(scenario)
