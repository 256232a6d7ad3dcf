"""`attempt.sent`: nothing until the first byte leaves, part from then on, all where nobody can know."""

import contextlib
import socket
import ssl
import struct
import threading

import trustme

import meshlib
from meshlib.testing.server import FaultServer, Mode
from tests.ways import busy, each_way

URL = "http://payment-service/"


def service(address, **more):
    return meshlib.Mesh({"payment-service": {"discovery": f"static://{address}", "retry": False, **more}})


def attempts(outcome):
    return [(a.outcome, a.sent) for a in meshlib.journal(outcome).attempts]


@each_way
def test_nothing_was_sent_where_the_connection_was_refused(way):
    with FaultServer(mode=Mode.refuse()) as server:
        mesh = service(server.address)

        async def scenario(client):
            return attempts(await client.outcome("post", URL))

        assert way.run(scenario, mesh=mesh) == [("ConnectError", "nothing")]


@each_way
def test_nothing_was_sent_where_the_handshake_failed(way):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("payment-service").configure_cert(context)
    with FaultServer(ssl=context) as server:
        mesh = service(server.address)

        async def scenario(client):
            return attempts(await client.outcome("post", "https://payment-service/"))

        assert way.run(scenario, mesh=mesh) == [("ConnectError", "nothing")]
        assert server.requests == 0


@each_way
def test_nothing_was_sent_while_waiting_for_a_connection(way):
    with FaultServer(mode=Mode(body=b"x" * 300_000)) as server:  # more than comes with its head
        mesh = service(server.address, wire={"max_connections": 1})

        async def scenario(client):
            async with client.stream("GET", URL):
                return attempts(await client.outcome("post", URL, timeout=way.hx.Timeout(5, pool=0.05)))

        assert way.run(scenario, mesh=mesh) == [("PoolTimeout", "nothing")]
        assert server.requests == 1


@each_way
def test_part_was_sent_where_the_server_reset_after_reading(way):
    with FaultServer(mode=Mode.reset()) as server:
        mesh = service(server.address)

        async def scenario(client):
            return attempts(await client.outcome("post", URL, content=b"x"))

        assert way.run(scenario, mesh=mesh) == [("ReadError", "part")]


@each_way
def test_all_counts_as_sent_on_a_transport_of_the_users(way):
    def fail(request):
        raise way.hx.ConnectError("refused")

    async def scenario(client):
        return attempts(await client.outcome("post", URL))

    mesh = service("127.0.0.1:1")
    assert way.run(scenario, mesh=mesh, transport=way.hx.MockTransport(fail)) == [("ConnectError", "all")]


@contextlib.contextmanager
def closing_quietly():
    """A server that answers once on each connection, and closes the first one, unannounced, when it is told to."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        told, closed = threading.Event(), threading.Event()

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        if connection.recv(65536):
                            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                        told.wait(5)
                    closed.set()

        def close():
            told.set()
            assert closed.wait(5)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}", close
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)


@each_way
def test_a_dead_kept_alive_connection_is_found_before_anything_is_sent(way):
    """Taken out of the pool it is looked at, by the kernel's word: no attempt is lost to it, and no POST fails."""
    seen = []

    class Watch:
        name = "watch"

        async def handle(self, inner, attempt):
            seen.append(attempt)
            return await inner(attempt)

    async def scenario(client):
        assert (await client.get(URL)).text == "ok"
        close()
        return attempts(await client.outcome("post", URL))

    with closing_quietly() as (address, close):
        services = {"payment-service": {"discovery": f"static://{address}", "retry": False}}
        mesh = meshlib.Mesh(services, layers=[(Watch(), "below", "breaker")])
        assert way.run(scenario, mesh=mesh) == [("200", "part")]
        assert [attempt.reused for attempt in seen] == [False, False]
        assert busy(mesh) == 0


@each_way
def test_an_unconfigured_host_gets_its_dead_connection_replaced_at_once(way):
    async def scenario(client):
        await client.get(f"http://{address}/")
        close()
        return attempts(await client.outcome("post", f"http://{address}/"))

    with closing_quietly() as (address, close):
        assert way.run(scenario, mesh=meshlib.Mesh()) == [("200", "part")]


@contextlib.contextmanager
def resetting():
    """A server that resets each connection as soon as it has accepted it, as a proxy without a backend does."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        reset = threading.Semaphore(0)

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    connection.close()
                    reset.release()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}", lambda: reset.acquire(timeout=5)
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)


@each_way
def test_a_connection_reset_as_soon_as_it_was_accepted_fails_as_in_httpx_and_is_tried_again(way):
    """The system then no longer knows the peer's address, and says so by an OSError, which is not the caller's."""

    def trace(name, info):
        assert name != "connection.connect_tcp.complete" or was_reset()

    async def atrace(name, info):
        trace(name, info)

    async def scenario(client):
        outcome = await client.outcome("get", URL, extensions={"trace": trace if way.sync else atrace})
        assert isinstance(outcome, way.hx.NetworkError | way.hx.RemoteProtocolError)
        return len(attempts(outcome))

    with resetting() as (address, was_reset):
        assert way.run(scenario, mesh=service(address, retry={"max_attempts": 2, "backoff": 0})) == 2
