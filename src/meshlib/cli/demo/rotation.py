"""Taking turns over the addresses of a DNS answer: what one writes by hand when the client library has no discovery."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from itertools import count
from types import TracebackType
from typing import Self

import dns.asyncresolver
import dns.exception


class Rotation:
    """`async with Rotation(name, dns_port) as rotation:` asks again whenever the answer's TTL has passed."""

    def __init__(self, name: str, dns_port: int) -> None:
        self._name = name
        self._resolver = dns.asyncresolver.Resolver(configure=False)
        self._resolver.nameservers, self._resolver.port = ["127.0.0.1"], dns_port
        self._turn = count()
        self._stack = AsyncExitStack()
        self.addresses: list[str] = []

    async def __aenter__(self) -> Self:
        ttl = await self._refresh()
        following = asyncio.create_task(self._follow(ttl))
        self._stack.callback(following.cancel)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def turns(self) -> Iterator[str]:
        """The address whose turn it is, then those that follow it: a retry never meets the one that just failed."""
        first = next(self._turn)
        return (self.addresses[turn % len(self.addresses)] for turn in count(first))

    async def _refresh(self) -> int:
        answer = await self._resolver.resolve(self._name, "A", search=False)
        self.addresses = [record.to_text() for record in answer]
        assert answer.rrset is not None
        return answer.rrset.ttl

    async def _follow(self, ttl: int) -> None:
        while True:
            await asyncio.sleep(ttl)
            try:
                ttl = await self._refresh()
            except dns.exception.DNSException:
                ttl = 1  # keep what is known, and ask again soon
