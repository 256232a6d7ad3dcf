"""Nothing a source says reaches the balancer unchecked."""

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshlib.address import dialable
from meshlib.discovery.addresses import usable
from meshlib.discovery.lookup import Answer, LookupFailed
from meshlib.endpoint import Address

GOOD: list[tuple[str, int | None]] = [("10.0.0.1", 80), ("10.0.0.2", None), ("::1", 1), ("pod-1.svc.local.", 65535)]


def test_good_entries_pass_in_their_order_and_once() -> None:
    assert usable(Answer((*GOOD, *GOOD))) == tuple(Address(h, p) for h, p in GOOD)


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (("10.0.0.9", 0), "port 0 is not 1 to 65535"),
        (("10.0.0.9", 99999), "port 99999 is not"),
        (("10.0.0.9", "http"), "port http is not"),
        (("10.0.0.9", True), "port True is not"),
        (("10.0.0.9", float("nan")), "port nan is not"),
        (("", 80), "no host"),
        ((None, 80), "no host"),
        ((17, 80), "no host"),
        (("a b", 80), "neither an IP address nor a host name"),
        (("x" * 1_000_000, 80), "neither"),
        (("-a.test", 80), "neither"),
        (("a..b", 80), "neither"),
        (("10.0.0.256", 80), "neither"),
        (("2852039166", 80), "neither"),  # 169.254.169.254, as getaddrinfo reads numbers
        (("0xa9fea9fe", 80), "neither"),
        (("169.254.169.254", 80), "an address that discovery may not name"),
        (("fe80::1%eth0", 80), "an address that discovery may not name"),
    ],
)
def test_a_bad_entry_is_left_out_and_alone_it_is_refused_with_its_reason(entry: tuple[Any, Any], problem: str) -> None:
    assert usable(Answer((*GOOD, entry))) == tuple(Address(h, p) for h, p in GOOD)
    with pytest.raises(LookupFailed, match=problem) as refused:
        usable(Answer((entry,)))
    assert len(str(refused.value)) < 300


def test_an_answer_with_more_than_half_bad_entries_is_refused() -> None:
    bad: list[tuple[str, int | None]] = [("169.254.0.1", 80)] * 2
    with pytest.raises(LookupFailed, match="2 of 3 entries are unusable"):
        usable(Answer((("10.0.0.1", 80), *bad)))


def test_an_answer_of_a_million_entries_is_refused_unread() -> None:
    with pytest.raises(LookupFailed, match="1000000 endpoints in one answer"):
        usable(Answer((("10.0.0.1", 80),) * 1_000_000))


def is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


@given(st.lists(st.tuples(st.text() | st.ip_addresses().map(str) | st.none(), st.integers() | st.text() | st.none())))
def test_whatever_comes_either_is_usable_or_is_refused(entries: list[tuple[Any, Any]]) -> None:
    try:
        found = usable(Answer(tuple(entries)))
    except LookupFailed:
        return
    assert found
    assert all(dialable(a.host) for a in found if is_ip(a.host))
    assert all(a.port is None or 1 <= a.port <= 65535 for a in found)
