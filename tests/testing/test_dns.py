"""The DNS server of the test kit answers what it was last told, counts, and fails in the ways real ones do."""

import dns.asyncresolver
import dns.exception
import dns.resolver
import pytest

from meshlib.testing.dns import DnsServer


@pytest.fixture
def server():
    with DnsServer() as running:
        yield running


def resolver(server, kind=dns.resolver.Resolver):
    made = kind(configure=False)
    made.nameservers, made.port, made.lifetime, made.timeout = [server.host], server.port, 0.3, 0.3
    return made


def addresses(server, name, kind="A"):
    answer = resolver(server).resolve(name, kind, search=False)
    return sorted(record.to_text() for record in answer), answer.rrset.ttl


def test_answers_change_while_it_runs_and_queries_are_counted(server):
    server.set("payment-service", "A", ["127.0.0.2", "127.0.0.3"], ttl=7)
    assert addresses(server, "Payment-Service.") == (["127.0.0.2", "127.0.0.3"], 7)
    server.set("payment-service.", "a", ["127.0.0.4"])
    assert addresses(server, "payment-service.") == (["127.0.0.4"], 5)
    assert server.queries == {("payment-service", "A"): 2}


def test_other_types_and_aliases(server):
    server.set("a.test", "AAAA", ["::1"])
    server.set("_http._tcp.a.test", "SRV", ["0 5 8080 a.test."])
    server.set("b.test", "CNAME", ["a.test."])
    assert addresses(server, "a.test", "AAAA")[0] == ["::1"]
    assert addresses(server, "_http._tcp.a.test", "SRV")[0] == ["0 5 8080 a.test."]
    assert addresses(server, "b.test", "CNAME")[0] == ["a.test."]


def test_a_name_without_this_type_is_empty_and_an_unknown_name_is_nxdomain(server):
    server.set("a.test", "A", ["127.0.0.2"])
    with pytest.raises(dns.resolver.NoAnswer):
        addresses(server, "a.test", "AAAA")
    server.set("a.test", "A", [])
    with pytest.raises(dns.resolver.NoAnswer):
        addresses(server, "a.test")
    with pytest.raises(dns.resolver.NXDOMAIN):
        addresses(server, "b.test")


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ("NXDOMAIN", dns.resolver.NXDOMAIN),
        ("SERVFAIL", dns.resolver.NoNameservers),
        ("REFUSED", dns.resolver.NoNameservers),
        ("DROP", dns.exception.Timeout),
    ],
)
def test_a_name_can_fail_until_it_is_set_again(server, how, error):
    server.fail("a.test", how)
    with pytest.raises(error):
        addresses(server, "a.test")
    server.set("a.test", "A", ["127.0.0.2"])
    assert addresses(server, "a.test")[0] == ["127.0.0.2"]


def test_an_unknown_failure_is_refused(server):
    with pytest.raises(ValueError, match="NXDOMAIN, SERVFAIL"):
        server.fail("a.test", "SLOW")


def test_garbage_is_not_answered(server):
    assert server.answer(b"\x00") is None


async def ask_in_a_loop():
    async with DnsServer() as server:
        server.set("a.test", "A", ["127.0.0.2"])
        answer = await resolver(server, dns.asyncresolver.Resolver).resolve("a.test", "A", search=False)
        return [record.to_text() for record in answer]


def test_it_also_runs_inside_a_loop():
    import asyncio

    assert asyncio.run(ask_in_a_loop()) == ["127.0.0.2"]
