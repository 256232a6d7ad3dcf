"""Two ports of a host are two places, also where only the request's URL names the service."""

import httpx
import pytest

import meshlib


def service(mesh, url):
    return mesh.route(httpx.URL(url))


def test_patterns_with_different_ports_are_different_services():
    mesh = meshlib.Mesh({"*.shop:8080": {"retry": {"max_attempts": 2}}, "*.shop:9090": {"retry": {"max_attempts": 5}}})
    assert service(mesh, "http://pay.shop:8080/").settings.retry.max_attempts == 2
    assert service(mesh, "http://pay.shop:9090/").settings.retry.max_attempts == 5


@pytest.mark.parametrize("sources", [{"unconfigured": "mesh"}, {"services": {"*.shop": {}}}], ids=["mesh", "pattern"])
def test_what_is_learnt_of_one_port_says_nothing_of_another(sources):
    mesh = meshlib.Mesh(**sources)
    urls = ("http://pay.shop/", "https://pay.shop/", "http://pay.shop:8080/", "http://pay.shop:9090/")
    names = [service(mesh, url).name for url in urls]
    assert names == ["pay.shop", "pay.shop:443", "pay.shop:8080", "pay.shop:9090"]
    assert service(mesh, "http://pay.shop/") is service(mesh, "http://PAY.shop:80/")


def test_an_address_with_a_port_is_not_balanced():
    mesh = meshlib.Mesh(unconfigured="mesh")
    assert service(mesh, "http://127.0.0.1:8080/").names is None
    assert service(mesh, "http://[::1]:8080/").names is None
    assert service(mesh, "http://[fe80::1%25eth0]:8080/").names is None
    assert service(mesh, "http://localhost:8080/").names is None
    assert service(mesh, "http://pay:8080/").names is not None


@pytest.mark.parametrize("key", ["bücher.shop", "xn--bcher-kva.shop", "BÜCHER.shop"])
def test_a_name_outside_ascii_may_be_written_either_way(key):
    mesh = meshlib.Mesh({key: {}}, unconfigured="refuse")
    assert service(mesh, "http://bücher.shop/").name == service(mesh, "http://xn--bcher-kva.shop/").name == key.lower()


@pytest.mark.parametrize("key", ["*.bücher.shop", "*.xn--bcher-kva.shop"])
def test_a_pattern_outside_ascii_may_be_written_either_way(key):
    mesh = meshlib.Mesh({key: {}}, unconfigured="refuse")
    for url in ("http://pay.bücher.shop/", "http://pay.xn--bcher-kva.shop/"):
        assert service(mesh, url).settings.key == key
