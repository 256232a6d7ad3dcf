"""What only the socket stream has to hold: who closes it, waiting by poll, a thread that reads and one that writes."""

import os
import select
import signal
import socket
import threading
import time

import pytest

from meshlib.wire import sock as sock_module
from tests.wire.peers import PATIENCE, Peer, echo, peer
from tests.wire.streams import each_sock


@each_sock
def test_without_poll_the_streams_are_not_usable(kind, monkeypatch):
    """On Windows, and where eventlet has taken it away."""
    assert sock_module.usable()
    monkeypatch.delattr(select, "poll")
    assert not sock_module.usable()


@each_sock
def test_poll_is_taken_from_the_module_when_the_connection_is_made(kind, monkeypatch):
    """gevent puts its own there, maybe after we were imported."""
    made = []
    stock = select.poll
    monkeypatch.setattr(select, "poll", lambda: made.append(1) or stock())
    with Peer(echo) as echoing:
        stream = kind.backend.connect_tcp("127.0.0.1", echoing.port, 5)
        assert made
        stream.close()


@each_sock
def test_the_descriptor_of_a_connection_that_somebody_waits_for_is_not_freed_under_them(kind):
    """Its number could at once be another socket's, and the waiting thread would wait for that one."""
    with peer(Peer.wait) as deaf:
        stream = kind.backend.connect_tcp("127.0.0.1", deaf.port, 5)
        waits, errors = threading.Event(), []
        number = stream._sock.fileno()

        class Slow:
            def poll(self, left):
                waits.set()
                time.sleep(0.1)  # the waiting goes on after the abort
                errors.append(stream._sock.fileno())
                return [1]

        stream._to_read = Slow()

        def read():
            try:
                stream.read(10, 5)
            except kind.core.ReadError as exc:
                errors.append(exc)

        reader = threading.Thread(target=read)
        reader.start()
        assert waits.wait(PATIENCE)
        stream.abort()
        reader.join(PATIENCE)
        assert errors[0] == number
        assert isinstance(errors[1], kind.core.ReadError)
        assert stream._sock.fileno() == -1


@each_sock
def test_one_thread_reads_while_another_writes(kind):
    with Peer(echo) as echoing:
        stream = kind.backend.connect_tcp("127.0.0.1", echoing.port, 5)
        data = os.urandom(20_000_000)
        writer = threading.Thread(target=stream.write, args=(data, 10))
        writer.start()
        got = bytearray()
        while len(got) < len(data):
            got += stream.read(65536, 10)
        writer.join()
        assert got == data
        stream.close()


@each_sock
def test_a_signal_does_not_end_a_wait_and_may_close_the_stream(kind):
    """PEP 475; and a handler that closes the client meets no lock that its own thread holds."""
    with Peer(lambda sock: time.sleep(0.2) or sock.sendall(b"late") or sock.recv(1)) as late:
        stream = kind.backend.connect_tcp("127.0.0.1", late.port, 5)
        came = []
        before = signal.signal(signal.SIGALRM, lambda *_: came.append(1))
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            assert stream.read(10, 5) == b"late"
            assert came
            signal.signal(signal.SIGALRM, lambda *_: stream.close())
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            with pytest.raises(kind.core.ReadError):
                stream.read(10, 5)
        finally:
            signal.signal(signal.SIGALRM, before)
        assert stream._sock.fileno() == -1


@each_sock
def test_an_interrupted_wait_leaves_a_stream_that_can_be_closed(kind):
    class Interrupted(KeyboardInterrupt):
        pass

    def interrupt(*_):
        raise Interrupted

    with peer(Peer.drain) as draining:
        stream = kind.backend.connect_tcp("127.0.0.1", draining.port, 5)
        before = signal.signal(signal.SIGALRM, interrupt)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            with pytest.raises(Interrupted):
                stream.read(10, 5)
        finally:
            signal.signal(signal.SIGALRM, before)
        stream.close()
        assert stream._sock.fileno() == -1
        assert draining.ended.wait(PATIENCE)


@each_sock
def test_a_response_can_be_read_after_the_peer_stopped_reading(kind):
    with Peer(lambda sock: sock.sendall(b"HTTP/1.1 413 Too Large\r\n\r\n")) as hasty:
        stream = kind.backend.connect_tcp("127.0.0.1", hasty.port, 5)
        assert stream.read(12, 5) == b"HTTP/1.1 413"
        stream.close()


@each_sock
def test_tls_inside_tls_is_refused_with_the_reason(kind, tls_pair):
    server_side, trusting = tls_pair
    with Peer(echo, tls=server_side) as outer:
        stream = kind.backend.connect_tcp("127.0.0.1", outer.port, 5)
        stream.start_tls(trusting, "payment-service", 5)
        with pytest.raises(kind.core.ConnectError, match="TLS inside TLS"):
            stream.start_tls(trusting, "payment-service", 5)
        assert stream.get_extra_info("socket").fileno() == -1


@pytest.fixture(scope="module")
def tls_pair():
    import ssl

    import trustme

    ca = trustme.CA()
    server_side, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    ca.issue_cert("payment-service").configure_cert(server_side)
    ca.configure_trust(trusting)
    return server_side, trusting


@each_sock
def test_forget_does_not_wait_for_a_thread_of_the_parents(kind):
    """A child has a copy of the lock, held by a thread that it does not have."""
    with Peer(echo) as echoing:
        stream = kind.backend.connect_tcp("127.0.0.1", echoing.port, 5)
        held, done = threading.Event(), threading.Event()

        def hold():
            with stream._lock:
                held.set()
                done.wait(PATIENCE)

        holder = threading.Thread(target=hold)
        holder.start()
        assert held.wait(PATIENCE)
        stream.forget()
        stream.close()
        with pytest.raises(kind.core.ReadError):
            stream.read(1, 5)
        done.set()
        holder.join()


@each_sock
def test_forget_closes_the_descriptor_without_shutting_the_connection_down(kind):
    with Peer(echo) as echoing:
        stream = kind.backend.connect_tcp("127.0.0.1", echoing.port, 5)
        other = socket.socket(fileno=os.dup(stream._sock.fileno()))  # what a parent still has
        stream.forget()
        assert stream._sock.fileno() == -1
        other.setblocking(True)
        other.sendall(b"x")
        assert other.recv(1) == b"x"
        other.close()
