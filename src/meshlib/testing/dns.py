"""A small DNS server over UDP, so that discovery can be tested against answers that change, fail and stay away.

dnspython packs and unpacks the messages; what is here is a table of answers that a test changes while clients ask.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from types import TracebackType
from typing import Literal, Self, cast, get_args

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from meshlib.testing.loopthread import LoopThread

Failure = Literal["NXDOMAIN", "SERVFAIL", "REFUSED", "DROP"]


class Answers:
    """What the server knows: `set` and `fail` take effect with the next query. A name it was not told is NXDOMAIN."""

    def __init__(self) -> None:
        self.queries: Counter[tuple[str, str]] = Counter()
        self._records: dict[tuple[str, str], dns.rrset.RRset] = {}
        self._failures: dict[str, Failure] = {}

    def set(self, name: str, kind: str, values: Iterable[str], ttl: int = 5) -> None:
        """Answer queries of this name and type (`A`, `AAAA`, `SRV`, `CNAME`, ...) with these values; `ttl` in seconds.

        No values make an empty answer (NOERROR). Raises dnspython's SyntaxError or UnknownRdatatype for a wrong value.
        """
        key, texts = _key(name), list(values)
        rrset = dns.rrset.from_text_list(key, ttl, "IN", kind, texts)
        self._records[key, kind.upper()] = rrset
        self._failures.pop(key, None)

    def fail(self, name: str, how: Failure) -> None:
        """Answer every query of this name with an error, or (DROP) not at all, until it is `set` again."""
        if how not in get_args(Failure):
            raise ValueError(f"fail({name!r}, {how!r}): must be one of {', '.join(get_args(Failure))}")
        self._failures[_key(name)] = how

    def answer(self, wire: bytes) -> bytes | None:
        """The packet to send back, or None for nothing."""
        try:
            query = dns.message.from_wire(wire)
        except dns.exception.DNSException:
            return None
        if not query.question:
            return None
        asked = query.question[0]
        name, kind = _key(asked.name), dns.rdatatype.to_text(asked.rdtype)
        self.queries[name.rstrip("."), kind] += 1
        failure = self._failures.get(name)
        if failure == "DROP":
            return None
        response = dns.message.make_response(query)
        response.flags |= dns.flags.AA
        self._fill(response, name, kind, failure)
        return response.to_wire()

    def _fill(self, response: dns.message.Message, name: str, kind: str, failure: Failure | None) -> None:
        found = self._records.get((name, kind)) or self._records.get((name, "CNAME"))
        if failure is not None:
            response.set_rcode(dns.rcode.from_text(failure))
        elif found is not None and len(found):
            response.answer.append(found)
        elif all(known != name for known, _ in self._records):
            response.set_rcode(dns.rcode.NXDOMAIN)


class DnsServer(Answers):
    """`with DnsServer() as dns:` answers on `dns.host:dns.port` (UDP) until the block ends; `async with` inside a loop.

    port 0 takes a free one. `dns.queries[name, type]` counts. Raises OSError on entry if the address is taken.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__()
        self.host, self.port = host, port
        self._transport: asyncio.DatagramTransport | None = None
        self._stack = ExitStack()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: _Responder(self), (self.host, self.port))
        self.port = self._transport.get_extra_info("sockname")[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        if self._transport is not None:
            self._transport.close()
        await asyncio.sleep(0)  # noqa: TID251  (lets the transport close its socket)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            thread = stack.enter_context(LoopThread())
            thread.run(self.__aenter__())
            stack.callback(lambda: thread.run(self.__aexit__(None, None, None)))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stack.close()


class _Responder(asyncio.DatagramProtocol):
    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # In Python 3.11 the loop's own class is not a subclass of the abstract one.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self._answers.answer(data)
        if answer is not None:
            self._transport.sendto(answer, addr)


def _key(name: str | dns.name.Name) -> str:
    """Names are compared absolute and in lower case."""
    text = name if isinstance(name, str) else name.to_text()
    return text.rstrip(".").lower() + "."
