"""The real servers do what the tests on them rely on."""

import ssl

import dns.message
import dns.query
import dns.rcode
import httpx

from tests.real.knot import Knot
from tests.real.nginx import Nginx


def ask(knot: Knot, name: str, kind: str) -> dns.message.Message:
    return dns.query.udp(dns.message.make_query(name, kind), "127.0.0.1", port=knot.port, timeout=5)


def test_knot_answers_what_it_was_told_last(knot: Knot) -> None:
    knot.set("_http._tcp.payment", "SRV", "0 1 8080 a", "0 3 8080 b", ttl=2)
    knot.set("a", "A", "127.0.0.1")
    answer = ask(knot, "_http._tcp.payment.mesh.test.", "SRV").answer[0]
    assert (answer.ttl, sorted(r.weight for r in answer)) == (2, [1, 3])

    knot.set("_http._tcp.payment", "SRV", "0 1 9090 a")
    assert [r.port for r in ask(knot, "_http._tcp.payment.mesh.test.", "SRV").answer[0]] == [9090]

    knot.set("a", "A")
    assert ask(knot, "a.mesh.test.", "A").rcode() == dns.rcode.NXDOMAIN
    assert ask(knot, "elsewhere.test.", "A").rcode() == dns.rcode.REFUSED


def test_nginx_keeps_a_connection_and_serves_files(nginx: Nginx) -> None:
    (nginx.files / "hello").write_text("world")
    with httpx.Client(base_url=f"http://127.0.0.1:{nginx.port}") as client:
        first, second = client.get("/").text.split(), client.get("/").text.split()
        assert first[2] == second[2], "one connection"
        assert (first[3], second[3]) == ("1", "2"), "two requests"
        assert client.get("/files/hello").text == "world"
        assert client.get("/status/429").headers["retry-after"] == "1"
        assert client.get("/close").headers["connection"] == "close"


def test_nginx_speaks_http2_over_tls(nginx: Nginx) -> None:
    context = ssl.create_default_context(cafile=str(nginx.ca))
    with httpx.Client(verify=context, http2=True) as client:
        assert client.get(f"https://localhost:{nginx.tls_port}/").http_version == "HTTP/2"
