"""What only the asyncio stream has to hold: bounded buffers, one timer, cancellation, the news of a lost connection."""

import asyncio
import socket
import threading
from collections import Counter

import pytest

from meshlib.runtime.sync import complete
from tests.wire.peers import PATIENCE, Peer, echo, peer, reset
from tests.wire.streams import each_aio, turns, until

BOUND = 512 * 1024  # bytes that a slow reader may make us keep


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
