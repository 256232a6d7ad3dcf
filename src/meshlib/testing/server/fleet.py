"""Several fault servers on one port of several loopback addresses: how the replicas of one service look to a client."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Self

from meshlib.testing.loopthread import LoopThread
from meshlib.testing.server.aio import ModeOrChoice, bind
from meshlib.testing.server.faultserver import FaultServer
from meshlib.testing.server.mode import Mode


class Fleet:
    """`with Fleet(3) as fleet:` starts 127.0.0.2, .3 and .4 on one free port; `fleet[0].mode = Mode.hang()`.

    size: number of servers, 1 to 250. first: last octet of the first address. mode: every server's first mode.
    The other 127.0.0.x addresses exist by themselves on Linux; elsewhere they must be added first.
    Raises OSError on entry where they are missing.
    """

    def __init__(self, size: int, *, first: int = 2, mode: ModeOrChoice = Mode()) -> None:  # noqa: B008  (a frozen value)
        if not (size >= 1 and first >= 1 and first + size <= 255):
            raise ValueError(f"Fleet({size}, first={first}): the addresses must lie in 127.0.0.1 to 127.0.0.254")
        self.hosts = [f"127.0.0.{first + number}" for number in range(size)]
        self.servers: list[FaultServer] = []
        self.port = 0
        self._mode = mode
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.port = stack.enter_context(reserved_port(self.hosts))
            thread = stack.enter_context(LoopThread())
            for number, host in enumerate(self.hosts):
                server = FaultServer(host, self.port, mode=self._mode, seed=number, thread=thread)
                self.servers.append(stack.enter_context(server))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stack.close()

    def __getitem__(self, number: int) -> FaultServer:
        return self.servers[number]

    def __len__(self) -> int:
        return len(self.hosts)

    @property
    def addresses(self) -> list[str]:
        """`host:port` of each server."""
        return [server.address for server in self.servers]

    @property
    def requests(self) -> int:
        """Requests received by all of them."""
        return sum(server.requests for server in self.servers)

    @property
    def executions(self) -> Counter[str]:
        """How often each `X-Request-Id` was executed, over all servers."""
        return sum((server.executions for server in self.servers), Counter())


@contextmanager
def reserved_port(hosts: list[str]) -> Iterator[int]:
    """A port that nobody uses on any of the addresses, kept for servers of ours by sockets that do not listen.

    Raises OSError if none is found in 20 tries, or an address is not this machine's.
    """
    with ExitStack() as stack:
        for remaining in reversed(range(20)):
            try:
                port: int = stack.enter_context(bind(hosts[0], 0)).getsockname()[1]
                for host in hosts[1:]:
                    stack.enter_context(bind(host, port))
                break
            except OSError:
                if not remaining:
                    raise
        yield port
