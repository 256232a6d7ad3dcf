"""What discovery may never make us dial, and what it may."""

import pytest

from meshlib.address import dialable


@pytest.mark.parametrize(
    "ip",
    [
        "169.254.169.254",
        "169.254.170.2",
        "fe80::1",
        "fe80::1%eth0",
        "10.0.0.1%eth0",
        "fd00:ec2::254",
        "fd20:ce::254",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "0.0.0.0",
        "0.1.2.3",
        "::",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
        "240.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:0.0.0.0",
        "::ffff:0.0.0.1",
        "::169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "payment-service",
        "",
        "2852039166",
        "0xa9fea9fe",
        "169.254.169.254:80",
    ],
)
def test_discovery_may_not_name(ip: str) -> None:
    assert not dialable(ip)


@pytest.mark.parametrize(
    "ip",
    [
        "127.0.0.1",
        "127.0.0.5",
        "::1",
        "10.0.0.1",
        "192.168.1.2",
        "172.16.0.9",
        "100.64.0.1",
        "8.8.8.8",
        "fd00::1",
        "2001:db8::1",
        "::ffff:10.0.0.1",
        "64:ff9b::808:808",
        "2002:808:808::1",
    ],
)
def test_discovery_may_name(ip: str) -> None:
    assert dialable(ip)
