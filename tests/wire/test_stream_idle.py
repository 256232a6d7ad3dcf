"""Both of our network streams between two exchanges: whether they are fit, how they are cut, what a fork does."""

import os
import stat
import threading

import pytest

from meshlib.runtime.sync import complete
from tests.ways import eventually
from tests.wire.peers import PATIENCE, Peer, echo, peer
from tests.wire.streams import each_kind


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
