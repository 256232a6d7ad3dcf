"""Publishing complete sets, and waiting for the first one."""

import math

import pytest

from meshlib.endpoint import Address, Endpoints, first_set
from meshlib.testing.virtual import VirtualRuntime

A, B, C = (Address(f"10.0.0.{n}", 80) for n in (1, 2, 3))


def names(endpoints: Endpoints) -> list[str]:
    return [e.name for e in endpoints.current.endpoints] if endpoints.current else []


def test_sets_are_complete_counted_and_keep_the_identity_of_their_members() -> None:
    endpoints = Endpoints()
    endpoints.publish([A, B, A], 1.0)
    first = endpoints.current
    endpoints.publish([B, C], 2.0)
    second = endpoints.current
    assert first is not None
    assert second is not None
    assert (first.version, second.version, second.at) == (1, 2, 2.0)
    assert second.endpoints[0] is first.endpoints[1]
    assert [e.added_at for e in second.endpoints] == [None, 2.0]  # members of the first set need no slow start
    assert first.endpoints[0].gone
    assert not second.endpoints[0].gone


def test_what_was_learnt_survives_a_flap_of_a_minute_and_no_longer() -> None:
    endpoints = Endpoints()
    endpoints.publish([A, B], 0.0)
    assert endpoints.current is not None
    kept = endpoints.current.endpoints[0]
    endpoints.publish([B], 1.0)
    endpoints.publish([A, B], 60.0)
    assert endpoints.current.endpoints[0] is kept
    assert not kept.gone
    endpoints.publish([B], 61.0)
    endpoints.publish([B, C], 121.0)
    endpoints.publish([A], 122.0)
    assert endpoints.current.endpoints[0] is not kept


def test_a_source_that_was_silent_in_between_makes_the_minute_no_longer() -> None:
    endpoints = Endpoints()
    endpoints.publish([A, B], 0.0)
    assert endpoints.current is not None
    kept = endpoints.current.endpoints[0]
    endpoints.publish([B], 1.0)
    endpoints.publish([A, B], 3600.0)
    assert endpoints.current.endpoints[0] is not kept
    assert endpoints.current.endpoints[0].added_at == 3600.0


def test_changes_are_told_with_the_names_added_and_removed() -> None:
    told: list[tuple[tuple[str, ...], tuple[str, ...]]] = []
    endpoints = Endpoints(changed=lambda added, removed: told.append((added, removed)))
    for members in ([A], [A], [B], [A, B]):
        endpoints.publish(members, 0.0)
    assert told == [((A.host + ":80",), ()), (("10.0.0.2:80",), ("10.0.0.1:80",)), (("10.0.0.1:80",), ())]


class Discovery:
    """Endpoints whose loop is heard of after `heard_after` seconds and publishes after `published_after`."""

    def __init__(self, heard_after: float = math.inf, published_after: float = math.inf, works: bool = True) -> None:
        self.runtime = VirtualRuntime()
        self.looked_up: list[tuple[float, float | None]] = []
        self.started = 0
        self._heard_after, self._published_after, self._works = heard_after, published_after, works
        self.endpoints = Endpoints(start=self._start, patience=self._patience, resolve_now=self._resolve_now)

    def _start(self) -> None:
        self.started += 1
        if self._published_after < math.inf:
            self.runtime.call_at(self._published_after, lambda: self.endpoints.publish([A], self.runtime.now()))

    def _patience(self, now: float) -> float:
        return math.inf if now >= self._heard_after else 0.25 - now

    def _resolve_now(self, now: float, timeout: float | None) -> None:
        self.looked_up.append((now, timeout))
        if self._works:
            self.endpoints.publish([B], now, stale_at=now + 5.0)

    def first(self, timeout: float | None) -> tuple[list[str], float]:
        self.runtime.run(first_set(self.endpoints, self.runtime, timeout))
        return names(self.endpoints), self.runtime.now()


def test_the_first_call_waits_for_the_first_set_and_no_longer() -> None:
    discovery = Discovery(heard_after=0.0, published_after=1.5)
    assert discovery.first(timeout=5.0) == (["10.0.0.1:80"], 1.5)
    assert (discovery.started, discovery.looked_up) == (1, [])


@pytest.mark.parametrize("timeout", [0.1, 0.25, 2.0])
def test_a_loop_that_lives_but_has_no_answer_costs_the_timeout_and_gives_none(timeout: float) -> None:
    discovery = Discovery(heard_after=0.0)
    assert discovery.first(timeout) == ([], timeout)
    assert not discovery.looked_up


def test_without_a_timeout_it_waits_until_the_set_comes() -> None:
    assert Discovery(heard_after=0.1, published_after=500.0).first(None) == (["10.0.0.1:80"], 500.0)


def test_a_loop_heard_late_but_within_250_ms_is_trusted() -> None:
    discovery = Discovery(heard_after=0.2, published_after=1.0)
    assert discovery.first(5.0) == (["10.0.0.1:80"], 1.0)
    assert not discovery.looked_up


def test_a_loop_without_life_makes_the_caller_resolve_after_250_ms() -> None:
    discovery = Discovery()
    assert discovery.first(5.0) == (["10.0.0.2:80"], 0.25)
    assert discovery.looked_up == [(0.25, 4.75)]


def test_a_call_shorter_than_the_patience_gives_up_and_a_later_one_resolves_at_once() -> None:
    discovery = Discovery()
    assert discovery.first(0.2) == ([], 0.2)
    assert discovery.first(0.2) == (["10.0.0.2:80"], 0.25)


def test_a_set_found_by_a_caller_is_asked_for_again_when_its_ttl_has_passed() -> None:
    discovery = Discovery()
    discovery.first(5.0)
    assert discovery.endpoints.fresh(5.0) is discovery.endpoints.current
    assert discovery.endpoints.fresh(5.25) is None
    discovery.runtime.advance(10.0)
    assert discovery.first(1.0)[0] == ["10.0.0.2:80"]
    assert [at for at, _ in discovery.looked_up] == [0.25, 10.25]


def test_a_look_up_that_fails_leaves_the_set_that_was_found_before() -> None:
    discovery = Discovery()
    discovery.first(5.0)
    discovery._works = False
    discovery.runtime.advance(10.0)
    assert discovery.first(1.0)[0] == ["10.0.0.2:80"]


def test_a_loop_that_comes_to_life_is_trusted_again() -> None:
    discovery = Discovery(heard_after=3.0)
    discovery.first(5.0)
    discovery.runtime.advance(10.0)
    assert discovery.first(1.0)[0] == ["10.0.0.2:80"]
    assert len(discovery.looked_up) == 1
