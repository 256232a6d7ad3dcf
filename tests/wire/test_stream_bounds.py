"""Timeouts and deadlines of both of our network streams: when an operation ends, and with which error."""

import time

import pytest

from tests.ways import eventually
from tests.wire.peers import Peer, echo, peer
from tests.wire.streams import SHORT, Took, each_kind


@pytest.mark.realtime
@each_kind
def test_a_read_ends_at_its_timeout_and_the_connection_goes_on(kind):
    async def scenario():
        stream = await kind.connect(echoing.port)
        for _ in range(2):
            with Took() as took, pytest.raises(kind.core.ReadTimeout):
                await stream.read(timeout=SHORT)
            assert took.about(SHORT)
        await stream.write(b"still there")
        assert await stream.read() == b"still there"
        await stream.close()

    with Peer(echo) as echoing:
        kind.run(scenario)


@pytest.mark.realtime
@each_kind
def test_a_write_that_nobody_reads_ends_at_its_timeout(kind):
    async def scenario():
        stream = await kind.connect(deaf.port)
        with Took() as took, pytest.raises(kind.core.WriteTimeout):
            await stream.write(bytes(50_000_000), timeout=SHORT)
        assert took.about(SHORT)
        await stream.close()

    with peer(Peer.wait) as deaf:
        kind.run(scenario)


@pytest.mark.realtime
@each_kind
def test_the_write_timeout_begins_anew_while_the_peer_takes_something(kind):
    async def scenario():
        stream = await kind.connect(slow.port)
        with Took() as took:
            await stream.write(bytes(4 * GULP), timeout=1.0)
        assert took.seconds > 1.0
        await stream.close()

    def read_in_gulps(self, sock):
        for _ in range(3):
            time.sleep(0.4)
            left = GULP
            while left:
                left -= len(sock.recv(min(left, 262_144)))
        self.drain(sock)

    GULP = 10_000_000  # bytes: more than the system keeps on the way
    with peer(read_in_gulps) as slow:
        kind.run(scenario)


@pytest.mark.realtime
@each_kind
def test_the_deadline_bounds_a_peer_that_drips(kind):
    async def scenario():
        stream = await kind.connect(dripping.port)
        stream.attempt(0.3)
        with Took() as took, pytest.raises(kind.core.ReadTimeout):
            await stream.read_all(1_000_000, timeout=5)
        assert took.about(0.3)
        await stream.close()

    def drip(self, sock):
        while not self.free.wait(0.05):
            sock.sendall(b".")

    with peer(drip) as dripping:
        kind.run(scenario)


@pytest.mark.realtime
@each_kind
def test_a_deadline_that_passes_while_somebody_waits_is_the_endpoints_fault(kind):
    async def scenario():
        stream = await kind.connect(deaf.port)
        attempt = stream.attempt(SHORT)
        with Took() as took, pytest.raises(kind.core.ReadTimeout):
            await stream.read()
        assert took.about(SHORT)
        assert not attempt.short
        await stream.close()

    with peer(Peer.wait) as deaf:
        kind.run(scenario)


@pytest.mark.realtime
@each_kind
def test_the_deadline_bounds_a_big_upload_whose_timeout_begins_anew(kind):
    async def scenario():
        stream = await kind.connect(slow.port)
        stream.attempt(0.3)
        with Took() as took, pytest.raises(kind.core.WriteTimeout):
            await stream.write(bytes(50_000_000), timeout=5)
        assert took.about(0.3)
        await stream.close()

    def read_slowly(self, sock):
        while sock.recv(65536):
            time.sleep(0.01)

    with peer(read_slowly) as slow:
        kind.run(scenario)


@each_kind
def test_a_deadline_that_passed_before_the_operation_is_not_the_endpoints_fault(kind):
    async def scenario():
        stream = await kind.connect(echoing.port)
        await stream.write(b"x")
        assert eventually(stream.stream.is_readable)
        for operation, error in (
            (lambda: stream.read(), kind.core.ReadTimeout),
            (lambda: stream.write(b"x"), kind.core.WriteTimeout),
            (lambda: stream.start_tls(None, "x"), kind.core.ConnectTimeout),
        ):
            attempt = stream.attempt(-1)
            with pytest.raises(error):
                await operation()
            assert attempt.short
            assert attempt.sent == "nothing"
        stream.stream.attempt = None
        assert await stream.read() == b"x"  # nothing was lost
        await stream.close()

    with Peer(echo) as echoing:
        kind.run(scenario)
