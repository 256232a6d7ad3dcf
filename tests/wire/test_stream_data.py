"""What both of our network streams do alike with data and its end."""

import os
import socket
import threading
import time

import pytest

from tests.ways import eventually
from tests.wire.peers import PATIENCE, Peer, echo, peer, reset
from tests.wire.streams import each_kind


@each_kind
def test_what_is_written_comes_back(kind):
    async def scenario():
        stream = await kind.connect(echoing.port)
        for size in (1, 1000, 300_000):
            data = os.urandom(size)
            await stream.write(b"")
            await stream.write(data)
            assert await stream.read_all(size) == data
        await stream.close()

    with Peer(echo) as echoing:
        kind.run(scenario)


@each_kind
def test_a_read_gives_no_more_than_it_was_asked_for_and_loses_nothing(kind):
    async def scenario():
        stream = await kind.connect(echoing.port)
        await stream.write(b"0123456789")
        got = [await stream.read(4) for _ in range(3)]
        assert b"".join(got) == b"0123456789"
        assert max(map(len, got)) <= 4
        await stream.close()

    with Peer(echo) as echoing:
        kind.run(scenario)


@each_kind
def test_the_end_of_the_peer_is_an_empty_read_however_often_it_is_asked(kind):
    async def scenario():
        stream = await kind.connect(ending.port)
        assert await stream.read_all(100) == b"bye"
        assert [await stream.read() for _ in range(3)] == [b"", b"", b""]
        await stream.write(b"x")  # the peer may have ended only its own direction
        await stream.close()

    def end(self, sock):
        sock.sendall(b"bye")
        sock.shutdown(socket.SHUT_WR)
        self.drain(sock)

    with peer(end) as ending:
        kind.run(scenario)
        assert ending.ended.wait(PATIENCE)


@each_kind
def test_a_reset_is_a_read_error_and_then_a_write_error(kind):
    async def scenario():
        stream = await kind.connect(resetting.port)
        await stream.write(b"x")
        with pytest.raises(kind.core.ReadError):
            await stream.read()
        with pytest.raises(kind.core.WriteError):
            await stream.write(b"y")
        await stream.close()

    def read_and_reset(self, sock):
        sock.recv(1)
        reset(sock)

    with peer(read_and_reset) as resetting:
        kind.run(scenario)


@each_kind
def test_a_write_into_a_connection_that_was_reset_is_a_write_error(kind):
    async def scenario():
        stream = await kind.connect(resetting.port)
        go.set()
        assert eventually(stream.stream.is_readable)
        attempt = stream.attempt()
        with pytest.raises(kind.core.WriteError):
            await stream.write_on(b"y")  # the first may only find the reset out
        assert attempt.sent == "part"
        await stream.close()

    def wait_and_reset(self, sock):
        go.wait(PATIENCE)
        reset(sock)

    go = threading.Event()
    with peer(wait_and_reset) as resetting:
        kind.run(scenario)


@each_kind
def test_the_first_write_of_an_attempt_marks_it_as_sent_in_part(kind):
    async def scenario():
        stream = await kind.connect(echoing.port)
        first = stream.attempt()
        await stream.write(b"a")
        assert first.sent == "part"
        foreign = stream.attempt(sent="all")
        await stream.write(b"a")
        assert foreign.sent == "all"
        second = stream.attempt()
        await stream.close()
        with pytest.raises(kind.core.WriteError):
            await stream.write(b"a")
        assert second.sent == "nothing"

    with Peer(echo) as echoing:
        kind.run(scenario)


@each_kind
def test_a_big_upload_to_a_slow_reader_arrives_whole(kind):
    async def scenario():
        stream = await kind.connect(slow.port)
        await stream.write(data)
        assert await stream.read() == b"done"
        await stream.close()

    def read_slowly(self, sock):
        while len(received) < len(data):
            received.extend(sock.recv(100_000))
            if len(received) < 2_000_000:
                time.sleep(0.001)
        sock.sendall(b"done")

    data, received = os.urandom(8_000_000), bytearray()
    with peer(read_slowly) as slow:
        kind.run(scenario)
    assert received == data


@each_kind
def test_unix_sockets(kind, tmp_path):
    async def scenario():
        stream = await kind.connect_unix(path)
        await stream.write(b"over unix")
        assert await stream.read() == b"over unix"
        await stream.close()
        with pytest.raises(kind.core.ConnectError):
            await kind.connect_unix(path + ".not")

    path = str(tmp_path / "s")
    with Peer(echo, path=path):
        kind.run(scenario)
