"""A and AAAA records as the system's resolver would find them, from a real server that answers, fails and changes."""

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dns.message
import dns.rcode
import dns.rdatatype
import pytest

from meshlib.discovery import dns as module
from meshlib.discovery import routes
from meshlib.discovery.dns import DnsLookup
from meshlib.discovery.lookup import Answer, LookupFailed
from meshlib.testing.dns import DnsServer

Ask = Callable[[DnsLookup], Answer]


class Server(DnsServer):
    """Answers SERVFAIL to queries of the types in `broken`."""

    def __init__(self) -> None:
        super().__init__()
        self.broken: set[str] = set()

    def answer(self, wire: bytes) -> bytes | None:
        query = dns.message.from_wire(wire)
        if dns.rdatatype.to_text(query.question[0].rdtype) in self.broken:
            response = dns.message.make_response(query)
            response.set_rcode(dns.rcode.SERVFAIL)
            return response.to_wire()
        return super().answer(wire)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.fixture(params=["loop", "blocking"])
def ask(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Both ways of asking give the same answers; short limits, for some servers here stay silent."""
    monkeypatch.setattr(module, "TRY", 0.2)
    monkeypatch.setitem(module._HOW, "lifetime", 0.4)
    if request.param == "blocking":
        return lambda lookup: lookup.resolve_blocking(0.8)
    return lambda lookup: asyncio.run(lookup.resolve())


@pytest.fixture
def system(server: Server, tmp_path: Path) -> Callable[..., DnsLookup]:
    """A look-up that reads a resolv.conf and a hosts file of the test's own."""
    resolv, hosts = tmp_path / "resolv.conf", tmp_path / "hosts"
    resolv.write_text("nameserver 127.0.0.1\n")

    def make(name: str, *lines: str, hosts_file: str = "") -> DnsLookup:
        if lines:
            resolv.write_text("\n".join(("nameserver 127.0.0.1", *lines)) + "\n")
        hosts.write_text(hosts_file)
        return DnsLookup(name, resolv_conf=str(resolv), hosts=str(hosts), port=server.port)

    return make


def named(server: DnsServer, name: str) -> DnsLookup:
    return DnsLookup(name, f"{server.host}:{server.port}")


def ips(answer: Answer) -> list[str]:
    assert all(port is None for _, port in answer.entries)
    return [host for host, _ in answer.entries]


def test_a_and_aaaa_are_asked_once_each_and_the_shorter_ttl_counts(server: Server, ask: Ask) -> None:
    server.set("pay.test", "A", ["10.0.0.2", "10.0.0.1"], ttl=20)
    server.set("pay.test", "AAAA", ["::1"], ttl=7)
    answer = ask(named(server, "pay.test"))
    assert ips(answer) == ["10.0.0.1", "10.0.0.2", "::1"]  # sorted: servers rotate
    assert answer.ttl == 7
    assert server.queries == {("pay.test", "A"): 1, ("pay.test", "AAAA"): 1}


def test_an_empty_aaaa_is_normal_and_its_ttl_does_not_count(server: Server, ask: Ask) -> None:
    server.set("pay.test", "A", ["10.0.0.1"], ttl=20)
    assert ask(named(server, "pay.test")) == Answer((("10.0.0.1", None),), 20.0)


@pytest.mark.parametrize(("how", "text"), [("NXDOMAIN", "NXDOMAIN"), ("SERVFAIL", "SERVFAIL"), ("REFUSED", "REFUSED")])
def test_failures_say_what_the_server_said(server: Server, ask: Ask, how: Any, text: str) -> None:
    server.fail("pay.test", how)
    with pytest.raises(LookupFailed, match=text):
        ask(named(server, "pay.test"))


@pytest.mark.realtime
def test_a_silent_server_is_a_failure_within_the_limit(server: Server, ask: Ask) -> None:
    server.fail("pay.test", "DROP")
    with pytest.raises(LookupFailed, match=r"timed out|expired"):
        ask(named(server, "pay.test"))


@pytest.mark.realtime
def test_a_caller_that_looks_up_by_itself_is_not_held_beyond_its_time(server: Server) -> None:
    server.fail("pay.test", "DROP")
    began = time.monotonic()
    with pytest.raises(LookupFailed):
        named(server, "pay.test").resolve_blocking(0.6)
    assert time.monotonic() - began < 0.7


def test_a_name_without_addresses_is_an_empty_answer_for_the_policy_to_refuse(server: Server, ask: Ask) -> None:
    server.set("pay.test", "TXT", ['"x"'])
    assert ask(named(server, "pay.test")).entries == ()


@pytest.mark.parametrize("name", ["x" * 64 + ".test", "a..test", "\N{SNOWMAN}" * 64])
def test_an_impossible_name_is_a_failure(server: Server, ask: Ask, name: str) -> None:
    with pytest.raises(LookupFailed):
        ask(named(server, name))


def test_a_type_that_fails_keeps_what_it_last_had(server: Server, ask: Ask) -> None:
    lookup = named(server, "pay.test")
    server.set("pay.test", "A", ["10.0.0.1"], ttl=20)
    server.set("pay.test", "AAAA", ["::1"], ttl=20)
    ask(lookup)
    server.broken.add("AAAA")
    server.set("pay.test", "A", ["10.0.0.2"], ttl=20)
    assert ask(lookup) == Answer((("10.0.0.2", None), ("::1", None)), 0.0)  # and is asked again soon
    server.broken.add("A")
    with pytest.raises(LookupFailed, match=r"A: .*SERVFAIL"):
        ask(lookup)


def test_a_type_that_always_failed_does_not_hide_the_other(server: Server, ask: Ask) -> None:
    server.broken.add("AAAA")
    server.set("pay.test", "A", ["10.0.0.1"])
    assert ips(ask(named(server, "pay.test"))) == ["10.0.0.1"]


def test_search_domains_are_tried_by_the_rules_of_resolv_conf(server: Server, ask: Ask, system: Any) -> None:
    server.set("pay.prod.svc.test", "A", ["10.0.0.1"])
    lookup = system("pay.prod", "search prod.svc.test svc.test", "options ndots:5")
    assert ips(ask(lookup)) == ["10.0.0.1"]
    assert [name for name, kind in server.queries if kind == "A"] == ["pay.prod.prod.svc.test", "pay.prod.svc.test"]


def test_a_name_with_a_final_dot_is_not_searched(server: Server, ask: Ask, system: Any) -> None:
    with pytest.raises(LookupFailed, match="NXDOMAIN"):
        ask(system("pay.prod.", "search prod.svc.test"))
    assert {name for name, _ in server.queries} == {"pay.prod"}


def test_a_server_in_the_url_is_asked_for_the_name_as_it_stands(server: Server, ask: Ask) -> None:
    with pytest.raises(LookupFailed, match="NXDOMAIN"):
        ask(named(server, "localhost"))  # neither the hosts file nor a search domain
    assert {name for name, _ in server.queries} == {"localhost"}


def test_a_server_may_be_given_by_name(server: Server, ask: Ask) -> None:
    server.set("pay.test", "A", ["10.0.0.1"])
    assert ips(ask(DnsLookup("pay.test", f"localhost:{server.port}"))) == ["10.0.0.1"]


def test_the_hosts_file_comes_first_and_is_read_again_when_it_changes(
    server: Server, ask: Ask, system: Any, tmp_path: Path
) -> None:
    server.set("pay", "A", ["10.0.0.1"])
    lookup = system("Pay", hosts_file="# ours\n10.9.9.9 other pay # here\n::1\tpay\n10.9.9.9 pay\n")
    assert ask(lookup) == Answer((("10.9.9.9", None), ("::1", None)), 0.0)
    assert not server.queries
    (tmp_path / "hosts").write_text("10.9.9.9 other\n")
    assert ips(ask(lookup)) == ["10.0.0.1"]


def test_resolv_conf_is_read_again_when_it_changes(server: Server, ask: Ask, system: Any, tmp_path: Path) -> None:
    server.set("pay.new.test", "A", ["10.0.0.1"])
    lookup = system("pay", "search old.test")
    with pytest.raises(LookupFailed, match="NXDOMAIN"):
        ask(lookup)
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.1\nsearch brand.new.test new.test\n")
    assert ips(ask(lookup)) == ["10.0.0.1"]


def test_without_a_resolv_conf_the_error_names_it(ask: Ask, tmp_path: Path) -> None:
    with pytest.raises(LookupFailed, match=r"missing\.conf"):
        ask(DnsLookup("pay", resolv_conf=str(tmp_path / "missing.conf"), hosts=str(tmp_path / "hosts")))


def test_a_family_that_this_machine_cannot_reach_is_left_out(
    server: Server, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.set("pay.test", "A", ["10.0.0.1"])
    server.set("pay.test", "AAAA", ["2001:db8::1"])
    monkeypatch.setattr(routes, "_any_route", lambda ips: bool(ips) and ":" not in ips[0])
    assert ips(ask(named(server, "pay.test"))) == ["10.0.0.1"]
    monkeypatch.setattr(routes, "_any_route", lambda ips: False)  # no network at all: nothing is known to be better
    assert ips(ask(named(server, "pay.test"))) == ["10.0.0.1", "2001:db8::1"]
