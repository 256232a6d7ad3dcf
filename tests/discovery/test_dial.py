"""Unconfigured names are resolved when they are dialled, every 30 s, and keep what they had when that fails."""

import socket

import pytest

from meshlib.discovery import DialNames
from meshlib.discovery import dial as module
from meshlib.endpoint import Address
from meshlib.runtime.base import Runtime
from meshlib.testing.virtual import VirtualRuntime


class System:
    """Stands for the look-up in a thread."""

    def __init__(self) -> None:
        self.answer: list[Address] | OSError = [Address("10.0.0.1"), Address("10.0.0.2")]
        self.asked = 0

    async def resolve(self, host: str, port: int | None, runtime: Runtime, timeout: float | None) -> list[Address]:
        self.asked += 1
        if isinstance(self.answer, OSError):
            raise self.answer
        return self.answer


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> System:
    stand_in = System()
    monkeypatch.setattr(module, "resolve_in_thread", stand_in.resolve)
    return stand_in


def test_the_first_dial_publishes_all_addresses_and_one_after_30_s_asks_again(system: System) -> None:
    runtime, names = VirtualRuntime(), DialNames()
    assert names.first() is None
    for _ in range(61):
        runtime.run(names.resolve("pay", runtime, 5.0))
        runtime.advance(1.0)
    assert system.asked == 3
    assert names.first() == "10.0.0.1"
    assert names.endpoints.current is not None
    assert [e.name for e in names.endpoints.current.endpoints] == ["10.0.0.1", "10.0.0.2"]


def test_a_failure_is_raised_only_where_nothing_was_ever_found(system: System) -> None:
    runtime, names = VirtualRuntime(), DialNames()
    answer, system.answer = system.answer, socket.gaierror(socket.EAI_AGAIN, "try again")
    with pytest.raises(socket.gaierror):
        runtime.run(names.resolve("pay", runtime, 5.0))
    assert names.endpoints.current is None
    system.answer = answer
    runtime.run(names.resolve("pay", runtime, 5.0))
    system.answer = TimeoutError("too late")
    runtime.advance(31.0)
    runtime.run(names.resolve("pay", runtime, 5.0))
    assert names.first() == "10.0.0.1"
    assert system.asked == 3
