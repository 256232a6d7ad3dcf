"""Dialling, in both of our network backends."""

import socket

import pytest

from tests.wire.peers import Peer, echo, peer
from tests.wire.streams import SHORT, Took, each_kind


@each_kind
def test_refused_unknown_and_unbindable_are_connect_errors(kind, monkeypatch):
    async def scenario():
        with pytest.raises(kind.core.ConnectError, match=r"refused|All connection attempts failed"):
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
