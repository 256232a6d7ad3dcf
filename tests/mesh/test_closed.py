"""What a mesh does that was closed, or whose hosts are in no configuration."""

import time

import pytest

import meshlib
from meshlib.discovery.process import process
from meshlib.testing.dns import DnsServer


def test_a_closed_mesh_begins_no_discovery_and_says_so_at_once():
    with DnsServer() as dns:
        dns.fail("pay.test", "DROP")
        mesh = meshlib.Mesh({"*.shop": {"discovery": f"dns://{dns.host}:{dns.port}/pay.test:80"}})
        mesh.close()
        began = time.monotonic()
        with meshlib.Client(mesh=mesh, timeout=None) as client, pytest.raises(meshlib.NoEndpoints):
            client.get("http://pay.shop/")
        assert time.monotonic() - began < 2.0
        assert not any(watch._service == "pay.shop" for watch in process.loop.watches())


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
def test_an_address_that_no_service_names_is_explained_as_such(host):
    first, second, *_ = meshlib.Mesh(unconfigured="mesh").explain(f"http://{host}/").splitlines()[1:]
    assert first == 'no service names this host: unconfigured = "mesh"  [code]'
    assert second == "  tracing"
