"""Mesh: what clients share, what it explains, whom it tells, and how it ends."""

import threading

import httpx
import pytest

import meshlib
from meshlib import mesh as module
from meshlib.endpoint import Address
from meshlib.events import AttemptEnded, EndpointsChanged, HopStarted
from meshlib.testing.server import FaultServer, Mode
from tests.ways import each_way

URL = "http://payment-service/"


@pytest.fixture
def server():
    with FaultServer() as running:
        yield running


def mesh_of(server, **more):
    return meshlib.Mesh({"payment-service": {"discovery": f"static://{server.address}", **more}})


def layer(mesh, name):
    return dict(mesh.route(httpx.URL(URL)).chain.layers)[name]


def test_explain_prints_the_objects_that_run_and_not_the_configuration_again(server):
    mesh = mesh_of(server, deadline={"timeout": "2s"})
    assert "    timeout = 2.0  [code]" in mesh.explain(URL).splitlines()
    layer(mesh, "deadline")._timeout = 77.5
    assert "    timeout = 77.5  [code]" in mesh.explain(URL).splitlines()


def test_explain_says_where_each_value_comes_from(server, tmp_path, monkeypatch):
    file = tmp_path / "meshlib.toml"
    file.write_text("[defaults.retry]\nmax_attempts = 7\n[services.payment-service]\nwire = { max_connections = 3 }\n")
    monkeypatch.setenv("MESHLIB_SERVICES__PAYMENT_SERVICE__DEADLINE__TIMEOUT", "5s")
    mesh = meshlib.Mesh({"payment-service": {"discovery": f"static://{server.address}"}}, file=file)
    lines = mesh.explain(URL).splitlines()
    assert lines[0] == URL
    assert f"  discovery static://{server.address}  [code]" in lines
    assert f"  endpoints {server.address}" in lines
    assert any(
        line.startswith("    timeout = 5.0  [MESHLIB_SERVICES__PAYMENT_SERVICE__DEADLINE__TIMEOUT") for line in lines
    )
    assert any(line.startswith("    max_attempts = 7  [") and "meshlib.toml" in line for line in lines)
    assert any(line.startswith("    max_connections = 3 per endpoint and client  [") for line in lines)
    order = [line.strip() for line in lines if line.startswith("  ") and line.strip() in module.PLACES]
    assert order == list(module.PLACES)


@pytest.mark.parametrize(
    ("unconfigured", "told"),
    [
        ("safe", 'no service names this host: unconfigured = "safe"  [code]'),
        ("mesh", 'no service names this host: unconfigured = "mesh"  [code]'),
        ("refuse", 'no service names this host: unconfigured = "refuse"  [code]'),
        ("direct", 'sent by plain httpx: unconfigured = "direct"'),
    ],
)
def test_explain_of_a_host_that_no_service_names(unconfigured, told):
    assert told in meshlib.Mesh(unconfigured=unconfigured).explain("http://elsewhere/").splitlines()


@pytest.mark.parametrize("wrong", ["payment-service", "", "/charge", "http://"])
def test_explain_wants_a_whole_url(wrong):
    with pytest.raises(ValueError, match="must be a whole URL, such as http://payment-service/charge"):
        meshlib.Mesh().explain(wrong)


def test_a_layer_that_is_off_is_not_in_the_chain_and_said_to_be_off(server):
    mesh = mesh_of(server, breaker=False, retry=False)
    assert "off: retry, breaker" in mesh.explain(URL)
    assert "breaker" not in str(mesh.route(httpx.URL(URL)).chain)


@each_way
def test_listeners_get_the_events_and_one_that_raises_hurts_nothing(way, server, caplog):
    mesh, events = mesh_of(server), []

    def broken(event):
        raise ValueError("broken listener")

    mesh.listen(broken)
    assert mesh.listen(events.append) == events.append

    async def scenario(client):
        response = await client.get(URL)
        assert response.status_code == 200
        assert [e for e in events if e in meshlib.journal(response).events] == meshlib.journal(response).events

    way.run(scenario, mesh=mesh)
    assert isinstance(events[0], HopStarted)
    assert isinstance(events[-1], AttemptEnded)
    assert "broken listener" in caplog.text


def test_listeners_hear_of_endpoints(server):
    mesh, events = mesh_of(server), []
    mesh.listen(events.append)
    service = mesh.route(httpx.URL(URL))
    service.endpoints.publish([Address("127.0.0.9", 1)], now=1.0)
    assert [(e.service, e.added, e.removed) for e in events if isinstance(e, EndpointsChanged)] == [
        ("payment-service", ("127.0.0.9:1",), (server.address,))
    ]


def test_snapshot_is_plain_data(server):
    mesh = mesh_of(server)
    server.mode = Mode.drip_body(0.01)
    with meshlib.Client(mesh=mesh) as client, client.stream("GET", URL):
        (service,) = mesh.snapshot().values()
        assert service["endpoints"] == {server.address: {"in_flight": 1, "breaker": "closed"}}
        assert service["version"] == 1
        assert 0 <= service["age"] < 60
        assert service["chain"] == str(mesh.route(httpx.URL(URL)).chain)


@each_way
def test_several_clients_share_what_was_learnt(way, server):
    server.mode = Mode.fail(500)
    mesh = mesh_of(server, breaker={"consecutive_failures": 2}, retry=False)

    async def fails(client):
        await client.get(URL)

    async def open_by_now(client):
        with pytest.raises(meshlib.CircuitOpen) as raised:
            await client.get(URL)
        assert isinstance(raised.value, way.hx.TransportError)

    way.run(fails, mesh=mesh)
    way.run(fails, mesh=mesh)
    way.run(open_by_now, mesh=mesh)
    assert mesh.snapshot()["payment-service"]["endpoints"][server.address]["breaker"] == "open"


def test_the_mesh_of_the_process_is_made_once_and_outlives_its_clients(server, monkeypatch):
    monkeypatch.setattr(module, "_default", [])
    monkeypatch.setenv("MESHLIB_SERVICES__PAYMENT_SERVICE__DISCOVERY", f"static://{server.address}")
    with meshlib.Client() as one, meshlib.httpx2.Client() as two:
        assert one._meshlib.mesh is two._meshlib.mesh
        assert one.get(URL).status_code == two.get(URL).status_code == 200
    with meshlib.Client() as three:
        assert three.get(URL).status_code == 200


def test_a_wrong_environment_is_told_by_the_first_client(monkeypatch):
    monkeypatch.setattr(module, "_default", [])
    monkeypatch.setenv("MESHLIB_UNCONFIGURED", "sometimes")
    with pytest.raises(meshlib.ConfigError, match="MESHLIB_UNCONFIGURED"):
        meshlib.Client()


def test_threads_that_meet_a_service_first_make_one(server):
    mesh = meshlib.Mesh({"*.prod": {"discovery": f"static://{server.address}"}})
    found = []

    def look():
        found.append(mesh.route(httpx.URL("http://pay.prod/")))

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, found))) == 1
    assert mesh.route(httpx.URL("http://audit.prod/")) is not found[0]


@pytest.mark.parametrize("unconfigured", ["mesh", "safe"])
def test_hosts_from_outside_do_not_fill_the_memory(server, unconfigured, monkeypatch):
    monkeypatch.setattr(module, "MAX_HOSTS", 50)
    services = {
        "fixed": {"discovery": f"static://{server.address}"},
        "*.prod": {"discovery": f"static://{server.address}"},
    }
    mesh = meshlib.Mesh(services, unconfigured=unconfigured)
    for number in range(300):
        mesh.route(httpx.URL(f"http://a{number}.prod/"))
        mesh.route(httpx.URL(f"http://b{number}.example/"))
    assert len(mesh._routes) <= 50
    assert len(mesh._services) <= 51
    assert "fixed" in mesh.snapshot()


def test_ready_returns_at_once_for_a_static_set(server):
    with mesh_of(server) as mesh:
        mesh.ready(timeout=0)


@pytest.mark.realtime
@each_way
def test_ready_names_the_services_without_endpoints(way):
    mesh = meshlib.Mesh({"lost-service": {"discovery": "dns://127.0.0.1:1/lost-service"}})

    async def scenario(client):
        with pytest.raises(meshlib.NoEndpoints, match=r"no endpoints after 0\.1 s for: lost-service"):
            await (mesh.aready(0.1) if not way.sync else way.value(mesh.ready(0.1)))

    with mesh:
        way.run(scenario, mesh=mesh)


def test_a_closed_mesh_still_serves(server):
    mesh = mesh_of(server)
    mesh.close()
    mesh.close()
    with meshlib.Client(mesh=mesh) as client:
        assert client.get(URL).status_code == 200
