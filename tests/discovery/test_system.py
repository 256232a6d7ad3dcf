"""What getaddrinfo says, without ever blocking a loop."""

import asyncio
import socket
import threading
from typing import Any

import pytest
import trio

from meshlib.discovery import resolve_in_thread, resolve_once
from meshlib.discovery.lookup import LookupFailed
from meshlib.discovery.system import SystemLookup
from meshlib.endpoint import Address
from meshlib.runtime.aio import AioRuntime
from meshlib.runtime.sync import SyncRuntime, complete


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The system's resolver, replaced: name to addresses, to an error, or to an event that it hangs on."""
    table: dict[str, Any] = {}

    def getaddrinfo(host: str, port: int | None, **_: Any) -> list[Any]:
        table["asked"] = [*table.get("asked", []), host]
        found = table.get(host, socket.gaierror(socket.EAI_NONAME, "Name or service not known"))
        if isinstance(found, threading.Event):
            found.wait(10)
            found = ["127.0.0.1"]
        if isinstance(found, Exception):
            raise found
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port or 0)) for ip in found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return table


def test_all_addresses_in_the_systems_order_once_each_with_the_port(names: dict[str, Any]) -> None:
    names["pay"] = ["127.0.0.2", "127.0.0.1", "127.0.0.2"]
    assert resolve_once("pay", 80) == [Address("127.0.0.2", 80), Address("127.0.0.1", 80)]
    assert SystemLookup("pay").resolve_blocking(None).entries == (("127.0.0.2", None), ("127.0.0.1", None))


def test_localhost_is_resolved_by_the_real_resolver() -> None:
    assert Address("127.0.0.1", 80) in resolve_once("localhost", 80)


def test_failures_are_oserrors_to_the_wire_and_failed_look_ups_to_discovery(names: dict[str, Any]) -> None:
    with pytest.raises(socket.gaierror):
        resolve_once("nowhere", 80)
    with pytest.raises(LookupFailed, match="nowhere: Name or service not known"):
        asyncio.run(SystemLookup("nowhere").resolve())
    with pytest.raises(LookupFailed, match="nowhere: Name or service not known"):
        SystemLookup("nowhere").resolve_blocking(1.0)


def test_a_name_that_cannot_be_encoded_is_an_oserror_too() -> None:
    with pytest.raises(socket.gaierror, match="no host name"):
        resolve_once("x" * 70 + "\N{SNOWMAN}", 80)


@pytest.mark.parametrize("library", ["asyncio", "trio", "sync"])
def test_every_kind_of_client_can_wait_for_it(names: dict[str, Any], library: str) -> None:
    names["pay"] = ["127.0.0.3"]

    async def ask() -> list[Address]:
        return await resolve_in_thread("pay", 80, SyncRuntime() if library == "sync" else AioRuntime(), 5.0)

    run: dict[str, Any] = {"asyncio": asyncio.run, "trio": lambda c: trio.run(ask)}
    coro = ask()
    if library == "trio":
        coro.close()
        found = trio.run(ask)
    else:
        found = complete(coro) if library == "sync" else run[library](coro)
    assert found == [Address("127.0.0.3", 80)]


def test_a_hundred_callers_share_one_look_up(names: dict[str, Any]) -> None:
    names["pay"] = hanging = threading.Event()

    async def main() -> list[list[Address]]:
        tasks = [asyncio.create_task(resolve_in_thread("pay", 80, AioRuntime(), 5.0)) for _ in range(100)]
        await asyncio.sleep(0)
        hanging.set()
        return await asyncio.gather(*tasks)

    assert asyncio.run(main()) == [[Address("127.0.0.1", 80)]] * 100
    assert names["asked"] == ["pay"]


@pytest.mark.realtime
def test_a_look_up_that_hangs_ends_with_its_timeout_and_holds_one_thread_only(names: dict[str, Any]) -> None:
    names["pay"] = hanging = threading.Event()
    before = threading.active_count()
    for _ in range(3):
        with pytest.raises(TimeoutError, match=r"pay was not resolved within 0\.02 s"):
            asyncio.run(resolve_in_thread("pay", 81, AioRuntime(), 0.02))
    assert names["asked"] == ["pay"]
    assert threading.active_count() <= before + 1
    hanging.set()
