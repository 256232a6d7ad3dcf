"""What a discovery URL means."""

import pytest

from meshlib.discovery.config import Source, parse_address, parse_endpoints, parse_source
from meshlib.endpoint import Address


@pytest.mark.parametrize(
    ("url", "addresses"),
    [
        ("static://10.0.0.1:8080,10.0.0.2:8080", (Address("10.0.0.1", 8080), Address("10.0.0.2", 8080))),
        ("static:///10.0.0.1:8080", (Address("10.0.0.1", 8080),)),
        ("static://Name", (Address("name"),)),
        ("static://[::1]:80, [2001:db8::1]", (Address("::1", 80), Address("2001:db8::1"))),
        ("static://unix:/run/a.sock,b:1", (Address("localhost", uds="/run/a.sock"), Address("b", 1))),
    ],
)
def test_static(url: str, addresses: tuple[Address, ...]) -> None:
    assert parse_source(url) == Source("static", url, addresses=addresses)


@pytest.mark.parametrize(
    ("url", "server", "name", "port"),
    [
        ("dns://pay", "", "pay", None),
        ("dns:///pay:8080", "", "pay", 8080),
        ("dns://10.0.0.53/pay.prod.svc.:8080", "10.0.0.53", "pay.prod.svc.", 8080),
        ("dns://[::1]:5353/pay", "[::1]:5353", "pay", None),
        ("system://pay:80", "", "pay", 80),
        ("system:///_pay", "", "_pay", None),
    ],
)
def test_names(url: str, server: str, name: str, port: int | None) -> None:
    assert parse_source(url) == Source(url.partition(":")[0], url, server=server, name=name, port=port)
    assert str(parse_source(url)) == url


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", "has no scheme"),
        ("pay:80", "has no scheme"),
        ("statik://a", "did you mean static?"),
        ("http://a", 'has the unknown scheme "http": must be static, system, dns$'),
        ("dns+srv://a", "not built yet"),
        ("kubernetes://a", "not built yet"),
        ("static://", "must be host"),
        ("static://a:1,,b:1", "must be host"),
        ("static://a:0", "must be 1 to 65535"),
        ("static://a:99999", "must be 1 to 65535"),
        ("static://a:", "must be 1 to 65535"),
        ("static://a:80x", "must be 1 to 65535"),
        ("static://a:²", "must be 1 to 65535"),
        ("static://::1:80", "stands in brackets"),
        ("static://[::1:80", "must be host"),
        ("static://[a]:80", "must be host"),
        ("static://[::1]80", "must be host"),
        ("static://a/b", "must be host"),
        ("static://a:1,a:1", "names an endpoint twice: a:1"),
        ("static://a:1,A:1", "names an endpoint twice: a:1"),
        ("static://unix:run/a.sock", "must be absolute"),
        ("static://a:1?x=1", r"has options \(x\), but static takes none"),
        ("dns://server/", "must be host"),
        ("dns://a/b/c", "must be host"),
        ("dns:///unix:/a", "must name a host"),
        ("dns://a b", "must be host"),
        ("system://server/a", "names a server"),
        ("dns://user:word@a", "names a user"),
        ("dns://a:1,b:1", "only static takes several"),
        ("dns://*.a", "must name a host"),
        ("dns://10.0.0.1:80", "asks DNS for an address, which is no name: must be static://10.0.0.1:80 or a name"),
        ("dns://server/[::1]", r"must be static://\[::1\] or a name"),
        ("static://http://a", "must be host"),
    ],
)
def test_a_wrong_url_says_what_is_allowed(url: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        parse_source(url)


def test_space_round_a_url_is_nothing() -> None:
    assert parse_source(" dns://a\n") == parse_source("dns://a")


def test_a_scheme_may_be_in_capitals() -> None:
    assert parse_source("DNS://a").scheme == "dns"


def test_endpoint_tables_give_the_same_as_the_url() -> None:
    tables = [{"address": "10.0.0.1:8080"}, {"address": "[::1]:80"}, {"address": "unix:/run/a.sock"}]
    assert parse_endpoints(tables) == parse_source("static://10.0.0.1:8080,[::1]:80,unix:/run/a.sock")


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ("a:1", "must be a list of tables"),
        (["a:1"], "must be a list of tables"),
        ([], "at least one endpoint is needed"),
        ([{}], "endpoint 1 has no address"),
        ([{"address": 1}], "endpoint 1 has no address"),
        ([{"address": "a"}, {"address": "b", "zone": "x"}], "endpoint 2 has zone, which is not built yet"),
        ([{"adress": "a"}], 'endpoint 1 has the unknown name "adress"'),
    ],
)
def test_wrong_endpoint_tables(tables: object, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        parse_endpoints(tables)


def test_an_address_says_itself_again() -> None:
    for text in ("a", "a:1", "[::1]:80", "unix:/run/a.sock"):
        assert str(parse_address(text)) == text
