"""TLS on both of our network streams: the name is verified, nothing stays open, a ticket is no reason to let go."""

import asyncio
import os
import ssl
import threading

import pytest
import trustme

from tests.ways import eventually
from tests.wire.peers import PATIENCE, Peer, echo, peer
from tests.wire.streams import each_aio, each_kind

NAME = "payment-service"


@pytest.fixture(scope="module")
def ca():
    return trustme.CA()


@pytest.fixture(scope="module")
def server_side(ca):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(NAME).configure_cert(context)
    context.num_tickets = 1  # of two, the second may come while a test looks at the first
    return context


@pytest.fixture(scope="module")
def trusting(ca):
    context = ssl.create_default_context()
    ca.configure_trust(context)
    return context


async def echoed(stream, data):
    """Write and read at the same time: an echo of more than all buffers hold needs both."""
    if not stream.sync:
        got, _ = await asyncio.gather(stream.read_all(len(data)), stream.write(data))
        return got
    writing = threading.Thread(target=stream.stream.write, args=(data, PATIENCE))
    writing.start()
    got = await stream.read_all(len(data))
    writing.join()
    return got


@each_kind
def test_data_goes_through_an_encrypted_stream(kind, server_side, trusting):
    async def scenario():
        stream = await kind.connect(echoing.port)
        await stream.start_tls(trusting, NAME)
        assert stream.stream.get_extra_info("ssl_object").version() == "TLSv1.3"
        assert stream.stream.get_extra_info("server_addr") == ("127.0.0.1", echoing.port)
        for size in (1, 3_000_000):
            data = os.urandom(size)
            assert await echoed(stream, data) == data
        await stream.close()

    with Peer(echo, tls=server_side) as echoing:
        kind.run(scenario)


@each_kind
def test_a_foreign_authority_and_a_foreign_name_are_connect_errors(kind, server_side, trusting):
    async def scenario():
        for context, name, why in (
            (ssl.create_default_context(), NAME, "certificate verify failed"),
            (trusting, "other-service", "[Hh]ostname mismatch"),
        ):
            draining.ended.clear()
            stream = await kind.connect(draining.port)
            with pytest.raises(kind.core.ConnectError, match=why):
                await stream.start_tls(context, name)
            assert await let_end(kind, draining)
            with pytest.raises(kind.core.WriteError):
                await stream.write(b"x")

    with peer(Peer.drain, tls=server_side) as draining:
        kind.run(scenario)


async def let_end(kind, other):
    """Whether the peer sees that the connection was closed, once the loop has had its turn."""
    if not kind.sync:
        await asyncio.sleep(0.01)
    return other.ended.wait(PATIENCE)


@pytest.mark.realtime
@each_kind
def test_a_handshake_that_nobody_answers_ends_at_its_timeout_and_at_the_deadline(kind, trusting):
    async def scenario():
        for left, timeout in ((None, 0.1), (0.1, 10)):
            draining.ended.clear()
            stream = await kind.connect(draining.port)
            stream.attempt(left)
            with pytest.raises(kind.core.ConnectTimeout):
                await stream.start_tls(trusting, NAME, timeout=timeout)
            assert await let_end(kind, draining)

    with peer(Peer.drain) as draining:
        kind.run(scenario)


@each_kind
def test_a_peer_that_leaves_during_the_handshake_is_a_connect_error(kind, trusting):
    async def scenario():
        stream = await kind.connect(leaving.port)
        with pytest.raises(kind.core.ConnectError):
            await stream.start_tls(trusting, NAME)

    with Peer(lambda sock: sock.recv(65536)) as leaving:
        kind.run(scenario)


@each_kind
def test_a_peer_that_speaks_no_tls_is_a_connect_error(kind, trusting):
    async def scenario():
        stream = await kind.connect(plain.port)
        with pytest.raises(kind.core.ConnectError):
            await stream.start_tls(trusting, NAME)

    with Peer(lambda sock: sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n") or sock.recv(9999)) as plain:
        kind.run(scenario)


@each_kind
def test_an_abort_during_the_handshake_is_a_connect_error(kind, trusting):
    async def scenario():
        stream = await kind.connect(draining.port)
        threading.Timer(0.05, stream.stream.abort).start()
        with pytest.raises(kind.core.ConnectError):
            await stream.start_tls(trusting, NAME)

    with peer(Peer.drain) as draining:
        kind.run(scenario)
        assert draining.ended.wait(PATIENCE)


def say(sock):
    sock.sendall(b"unasked")


def leave(sock):
    sock.close()


def say_goodbye(sock):
    sock.settimeout(0.05)  # seconds it waits for the answer that TLS asks for
    sock.unwrap()


@each_kind
@pytest.mark.parametrize("act", [say, leave, say_goodbye])
def test_session_tickets_are_no_reason_to_let_go_but_data_and_an_end_are(kind, act, server_side, trusting):
    async def scenario():
        stream = await kind.connect(obedient.port)
        await stream.start_tls(trusting, NAME)
        assert eventually(stream.stream.is_readable)  # the tickets: a loop has had no turn to read them
        assert await stream.still_fit()
        assert not stream.stream.is_readable()
        go.set()
        assert eventually(stream.stream.is_readable)
        assert not await stream.still_fit()
        await stream.close()

    go = threading.Event()
    with Peer(lambda sock: go.wait(PATIENCE) and act(sock), tls=server_side) as obedient:
        kind.run(scenario)


@each_kind
def test_an_end_without_goodbye_is_an_end(kind, server_side, trusting):
    """As in httpcore's streams: HTTP knows by itself where a body ends."""

    async def scenario():
        stream = await kind.connect(rude.port)
        await stream.start_tls(trusting, NAME)
        assert await stream.read() == b"x"
        assert await stream.read() == b""
        assert await stream.read() == b""
        await stream.close()

    with Peer(lambda sock: sock.sendall(b"x"), tls=server_side) as rude:
        kind.run(scenario)


@each_aio
def test_tls_inside_tls(kind, server_side, trusting):
    """A proxy that is spoken to in TLS, and a service behind it."""

    async def scenario():
        stream = await kind.connect(outer.port)
        await stream.start_tls(trusting, NAME)
        await stream.start_tls(trusting, NAME)
        await stream.write(b"deep")
        assert await stream.read() == b"deep"
        await stream.close()

    def inner(sock):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = server_side.wrap_bio(incoming, outgoing, server_side=True)

        def until_done(step):
            while True:
                try:
                    result = step()
                    sock.sendall(outgoing.read())
                    return result
                except ssl.SSLWantReadError:
                    sock.sendall(outgoing.read())
                    incoming.write(sock.recv(65536))

        until_done(tls.do_handshake)
        data = until_done(lambda: tls.read(100))
        until_done(lambda: tls.write(data))

    with Peer(inner, tls=server_side) as outer:
        kind.run(scenario)
