"""Which service a host means."""

import pytest

from meshlib.config import Service, load

CONFIG = load(
    environ={},
    services={
        "pay": Service(hosts=["pay.internal", "shared:8443"]),
        "shared": Service(),
        "api:8080": Service(),
        "exact.prod.svc": Service(),
        "*.svc": Service(),
        "*.prod.svc": Service(),
        "api-*.prod.svc": Service(),
        "*.tls:443": Service(),
        "[::1]:80": Service(),
        "Upper.Example.": Service(),
    },
)


@pytest.mark.parametrize(
    ("host", "port", "key"),
    [
        ("pay", 80, "pay"),
        ("pay", 12345, "pay"),
        ("PAY", 80, "pay"),
        ("pay.", 80, "pay"),
        ("pay.internal", 80, "pay"),
        ("shared", 8443, "pay"),
        ("shared", 80, "shared"),
        ("api", 8080, "api:8080"),
        ("api", 80, None),
        ("api", None, None),
        ("exact.prod.svc", 80, "exact.prod.svc"),
        ("other.prod.svc", 80, "*.prod.svc"),
        ("a.b.prod.svc", 80, "*.prod.svc"),
        ("api-1.prod.svc", 80, "api-*.prod.svc"),
        ("x.svc", 80, "*.svc"),
        (".svc", 80, None),
        ("xsvc", 80, None),
        ("x.svc.example", 80, None),
        ("a.tls", 443, "*.tls:443"),
        ("a.tls", 80, None),
        ("::1", 80, "[::1]:80"),
        ("upper.example", 80, "upper.example"),
        ("elsewhere", 80, None),
    ],
)
def test_exact_key_then_hosts_then_the_longest_pattern(host: str, port: int | None, key: str | None) -> None:
    assert CONFIG.match(host, port) == key


def test_a_star_alone_takes_what_nothing_else_does() -> None:
    config = load(environ={}, services={"*": Service(), "*.a": Service()})
    assert config.match("x.a", 80) == "*.a"
    assert config.match("x.b", 80) == "*"
