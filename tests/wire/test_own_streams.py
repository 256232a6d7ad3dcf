"""What both of our network streams do alike: data, ends, bounds, errors."""

import os
import socket
import stat
import threading
import time

import pytest

from meshlib.runtime.sync import complete
from tests.ways import eventually
from tests.wire.peers import PATIENCE, Peer, echo, peer, reset
from tests.wire.streams import each_kind

SHORT = 0.1  # seconds of a timeout that is expected
LOOSE = 10  # times as long as asked for is still right on a shared machine


class Took:
    """How long a block took. `about(s)`: not less than asked for, and not much more."""

    def __enter__(self):
        self.began = time.monotonic()
        return self

    def __exit__(self, *exc):
        self.seconds = time.monotonic() - self.began

    def about(self, seconds):
        return seconds - 0.005 <= self.seconds < LOOSE * seconds


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
            await stream.write(bytes(SIZE), timeout=0.5)
        assert took.seconds > 0.5
        await stream.close()

    def read_slowly(self, sock):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        left = SIZE
        while left and (data := sock.recv(262_144)):
            left -= len(data)
            time.sleep(0.005)

    SIZE = 24_000_000
    with peer(read_slowly) as slow:
        kind.run(scenario)


@pytest.mark.realtime
@each_kind
def test_the_deadline_bounds_a_peer_that_drips(kind):
    async def scenario():
        stream = await kind.connect(dripping.port)
        attempt = stream.attempt(0.3)
        with Took() as took, pytest.raises(kind.core.ReadTimeout):
            await stream.read_all(1_000_000, timeout=5)
        assert took.about(0.3)
        assert not attempt.short  # somebody waited for the endpoint until the end
        await stream.close()

    def drip(self, sock):
        while not self.free.wait(0.05):
            sock.sendall(b".")

    with peer(drip) as dripping:
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
def test_refused_unknown_and_unbindable_are_connect_errors(kind, monkeypatch):
    async def scenario():
        with pytest.raises(kind.core.ConnectError, match=r"refused|Connect call failed"):
            await kind.connect(port)
        with pytest.raises(kind.core.ConnectError):
            await kind.connect(port, local_address="192.0.2.1")
        monkeypatch.setattr(socket, "getaddrinfo", unknown)
        with pytest.raises(kind.core.ConnectError, match="not known"):
            await kind.connect(port, host="nowhere.invalid")

    def unknown(*args, **kw):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        kind.run(scenario)


@pytest.mark.realtime
@each_kind
def test_a_dial_that_nobody_answers_ends_at_its_timeout(kind, unanswered):
    async def scenario():
        with Took() as took, pytest.raises(kind.core.ConnectTimeout):
            await kind.connect(unanswered.getsockname()[1], timeout=SHORT)
        assert took.about(SHORT)

    kind.run(scenario)


@pytest.mark.realtime
@each_kind
def test_an_address_that_does_not_answer_leaves_time_for_the_next(kind, unanswered, monkeypatch):
    """One name, two addresses: in async they are tried side by side, in sync each has its share of the time."""

    async def scenario():
        stream = await kind.connect(echoing.port, host="both.invalid", timeout=1.0)
        assert stream.stream.get_extra_info("server_addr") == ("127.0.0.1", echoing.port)
        await stream.close()

    def both(*args, **kw):
        ends = [unanswered.getsockname(), ("127.0.0.1", echoing.port)]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", end) for end in ends]

    with Peer(echo) as echoing:
        monkeypatch.setattr(socket, "getaddrinfo", both)
        kind.run(scenario)


@pytest.fixture
def unanswered():
    """A listening socket whose queue is full, so that further connections are never made."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener


@each_kind
def test_options_and_the_local_address_reach_the_socket(kind):
    async def scenario():
        option = (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        stream = await kind.connect(echoing.port, local_address="127.0.0.3", socket_options=[option])
        told = stream.stream.get_extra_info
        assert told("socket").getsockopt(*option[:2]) == 1
        assert told("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert told("client_addr")[0] == "127.0.0.3"
        assert told("server_addr") == ("127.0.0.1", echoing.port)
        assert told("ssl_object") is None
        assert told("is_readable") is False
        assert told("something") is None
        await stream.close()
        assert told("is_readable") is True

    with Peer(echo) as echoing:
        kind.run(scenario)


@each_kind
def test_an_option_that_the_system_refuses_is_a_connect_error_and_leaves_nothing_open(kind):
    async def scenario():
        with pytest.raises(kind.core.ConnectError):
            await kind.connect(draining.port, socket_options=[(socket.SOL_SOCKET, 9999, 1)])

    with peer(Peer.drain) as draining:
        kind.run(scenario)
        assert not draining.connections  # it is refused before anything is dialled


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


@each_kind
def test_a_connection_is_fit_until_something_comes_or_ends(kind):
    async def scenario():
        stream = await kind.connect(obedient.port)
        assert await stream.still_fit()
        assert await stream.still_fit()
        obedient.say.set()
        assert eventually(stream.stream.is_readable)
        assert not await stream.still_fit()
        assert await stream.read() == b"?"
        assert await stream.still_fit()
        obedient.end.set()
        assert eventually(stream.stream.is_readable)
        assert not await stream.still_fit()
        await stream.close()
        assert not await stream.still_fit()

    def obey(self, sock):
        self.say.wait(PATIENCE)
        sock.sendall(b"?")
        self.end.wait(PATIENCE)

    with peer(obey) as obedient:
        obedient.say, obedient.end = threading.Event(), threading.Event()
        kind.run(scenario)


@each_kind
def test_without_tls_nothing_is_awaited_to_learn_whether_it_is_fit(kind):
    """The kernel is asked even where the loop has not looked yet."""

    async def scenario():
        stream = await kind.connect(ending.port)
        assert eventually(stream.stream.is_readable)
        assert kind.sync or complete(stream.stream.still_fit()) is False
        await stream.close()

    with Peer(lambda sock: sock.sendall(b"unasked")) as ending:
        kind.run(scenario)


@each_kind
def test_abort_wakes_whoever_reads_from_any_thread_and_closes_the_socket(kind):
    async def scenario():
        stream = await kind.connect(draining.port)
        for thread in [threading.Timer(0.05, stream.stream.abort) for _ in range(2)]:
            thread.start()
        with pytest.raises(kind.core.ReadError):
            await stream.read()
        stream.stream.abort()
        with pytest.raises(kind.core.ReadError):
            await stream.read()
        with pytest.raises(kind.core.WriteError):
            await stream.write(b"x")
        await stream.close()

    with peer(Peer.drain) as draining:
        kind.run(scenario)
        assert draining.ended.wait(PATIENCE)


@each_kind
def test_abort_wakes_whoever_writes(kind):
    async def scenario():
        stream = await kind.connect(deaf.port)
        threading.Timer(0.05, stream.stream.abort).start()
        with pytest.raises(kind.core.WriteError):
            await stream.write(bytes(50_000_000))
        await stream.close()

    with peer(Peer.wait) as deaf:
        kind.run(scenario)


@each_kind
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_forgets_and_the_parents_connection_lives_on(kind):
    async def scenario():
        stream = await kind.connect(echoing.port)
        await stream.write(b"a")
        assert await stream.read() == b"a"
        child = os.fork()
        if child == 0:
            os._exit(in_child(stream))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert await stream.still_fit()
        await stream.write(b"b")
        assert await stream.read() == b"b"
        await stream.close()

    with Peer(echo) as echoing:
        kind.run(scenario)


def is_free(number):
    try:
        os.fstat(number)
    except OSError:
        return True
    return False


def in_child(stream):
    """What a child does with what it inherited; 0 when all is well."""
    try:
        number = stream.stream.get_extra_info("socket").fileno()
        stream.stream.forget()
        stream.stream.abort()  # a pool may still close what it has
        assert not stat.S_ISSOCK(os.fstat(number).st_mode) if not stream.sync else is_free(number)
        assert stream.stream.is_readable()
    except BaseException:
        return 1
    return 0
