"""TLS by the name in the URL, whatever address is dialled; a connection for each name; certificates of a service."""

import ssl

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

import meshlib
from meshlib.testing.server import FaultServer, Mode
from tests.ways import busy, each_way

URL = "https://payment-service/"


@pytest.fixture(scope="module")
def ca():
    return trustme.CA()


class Named:
    """A server-side context with a certificate for each of some names, chosen by SNI; `asked` are those of SNI."""

    def __init__(self, ca, *names, client_ca=None):
        self.asked = []
        self.by_name = {name: self.context(ca.issue_cert(name), client_ca) for name in names}
        self.context = self.by_name[names[0]]
        self.context.sni_callback = self.choose

    def context(self, cert, client_ca):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        cert.configure_cert(context)
        if client_ca is not None:
            client_ca.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def choose(self, connection, name, context):
        self.asked.append(name)
        connection.context = self.by_name.get(name, context)


@pytest.fixture
def pem(ca, tmp_path):
    """A function that writes a certificate or key, and gives the path."""

    def write(name, *blobs):
        path = tmp_path / name
        path.write_bytes(b"".join(blob.bytes() for blob in blobs))
        return str(path)

    return write


def unverified(way):
    """What a failed verification says; trio's errors are without text, in plain httpx too."""
    return None if way.kind == "trio" else "certificate verify failed"


def trusting(ca):
    context = ssl.create_default_context()
    ca.configure_trust(context)
    return context


@each_way
def test_the_name_of_the_url_is_what_is_verified_and_told(way, ca):
    named = Named(ca, "payment-service")
    with FaultServer(ssl=named.context) as server:
        mesh = meshlib.Mesh({"payment-service": {"discovery": f"static://{server.address}"}})

        async def scenario(client):
            for _ in range(2):
                response = await client.get(URL)
                assert response.status_code == 200
                assert meshlib.journal(response).attempts[0].endpoint == server.address

        way.run(scenario, mesh=mesh, verify=trusting(ca))
        assert named.asked == ["payment-service"]
        assert server.received[0].headers["host"] == "payment-service"
        assert server.connections == 1


@each_way
@pytest.mark.parametrize("wrong", ["name", "authority"])
def test_a_wrong_certificate_is_refused(way, ca, wrong):
    named = Named(ca, "somebody-else") if wrong == "name" else Named(trustme.CA(), "payment-service")
    with FaultServer(ssl=named.context) as server:
        mesh = meshlib.Mesh({"payment-service": {"discovery": f"static://{server.address}", "retry": False}})

        async def scenario(client):
            with pytest.raises(way.hx.ConnectError, match=unverified(way)):
                await client.get(URL)
            assert busy(mesh) == 0

        way.run(scenario, mesh=mesh, verify=trusting(ca))
        assert server.requests == 0


@each_way
def test_two_services_on_one_address_never_use_each_others_connection(way, ca):
    """Also where one redirects to the other."""
    named = Named(ca, "payment-service", "audit-service")

    def answer(request):
        if request.target == "/":
            return Mode(status=307, headers=(("Location", "https://audit-service/log"),), body=b"")
        return Mode.ok()

    with FaultServer(ssl=named.context, mode=answer) as server:
        source = f"static://{server.address}"
        mesh = meshlib.Mesh({"payment-service": {"discovery": source}, "audit-service": {"discovery": source}})

        async def scenario(client):
            for _ in range(2):
                response = await client.get(URL, follow_redirects=True)
                assert response.url == "https://audit-service/log"

        way.run(scenario, mesh=mesh, verify=trusting(ca))
        assert named.asked == ["payment-service", "audit-service"]
        assert server.connections == 2
        assert [r.headers["host"] for r in server.received] == ["payment-service", "audit-service"] * 2


@each_way
def test_a_service_with_several_names_has_a_connection_for_each(way, ca):
    named = Named(ca, "payment-service", "payments.internal")
    with FaultServer(ssl=named.context) as server:
        service = {"discovery": f"static://{server.address}", "hosts": ["payments.internal"]}

        async def scenario(client):
            for name in ("payment-service", "payments.internal", "payment-service"):
                assert (await client.get(f"https://{name}/")).status_code == 200

        way.run(scenario, mesh=meshlib.Mesh({"payment-service": service}), verify=trusting(ca))
        assert named.asked == ["payment-service", "payments.internal"]


@each_way
def test_a_service_with_certificates_of_its_own(way, ca, pem):
    """The service's authority and client certificate are used for it, and for nobody else."""
    client_ca = trustme.CA()
    cert = client_ca.issue_cert("me@example.org")
    tls = {
        "ca": pem("ca.pem", ca.cert_pem),
        "cert": pem("cert.pem", *cert.cert_chain_pems),
        "key": pem("key.pem", cert.private_key_pem),
    }
    named = Named(ca, "payment-service", client_ca=client_ca)
    with FaultServer(ssl=named.context) as server:
        source = f"static://{server.address}"
        mesh = meshlib.Mesh({"payment-service": {"discovery": source, "tls": tls}, "other": {"discovery": source}})

        async def scenario(client):
            assert (await client.get(URL)).status_code == 200
            with pytest.raises(way.hx.ConnectError, match=unverified(way)):
                await client.get("https://other/")

        way.run(scenario, mesh=mesh)
        told = mesh.explain(URL)
        assert f"tls.ca = {tls['ca']}" in told
        assert f"tls.cert = {tls['cert']}" in told


@each_way
def test_verification_cannot_be_switched_off_for_a_service_with_certificates(way, ca, pem):
    named = Named(trustme.CA(), "payment-service")
    with FaultServer(ssl=named.context) as server:
        service = {"discovery": f"static://{server.address}", "tls": {"ca": pem("ca.pem", ca.cert_pem)}, "retry": False}

        async def scenario(client):
            with pytest.raises(way.hx.ConnectError, match=unverified(way)):
                await client.get(URL)

        way.run(scenario, mesh=meshlib.Mesh({"payment-service": service}), verify=False)


@each_way
def test_the_clients_own_arguments_mean_what_they_mean_in_httpx(way, ca):
    named = Named(trustme.CA(), "somebody-else")
    with FaultServer(ssl=named.context) as server:
        mesh = meshlib.Mesh({"payment-service": {"discovery": f"static://{server.address}"}})

        async def scenario(client):
            assert (await client.get(URL)).status_code == 200

        way.run(scenario, mesh=mesh, verify=False)


def encrypted(key):
    private = serialization.load_pem_private_key(key.bytes(), None)
    return trustme.Blob(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"password"),
        )
    )


@pytest.mark.parametrize("case", ["other key", "no PEM", "encrypted key", "missing file"])
def test_wrong_files_are_told_when_the_mesh_is_made(ca, pem, case, tmp_path):
    one, other = ca.issue_cert("a"), ca.issue_cert("b")
    tls = {"cert": pem("cert.pem", *one.cert_chain_pems), "key": pem("key.pem", one.private_key_pem)}
    match case:
        case "other key":
            tls["key"] = pem("other.pem", other.private_key_pem)
        case "no PEM":
            (tmp_path / "ca.pem").write_text("no certificate")
            tls["ca"] = str(tmp_path / "ca.pem")
        case "encrypted key":
            tls["key"] = pem("encrypted.pem", encrypted(one.private_key_pem))
        case "missing file":
            tls["ca"] = str(tmp_path / "missing.pem")
    with pytest.raises(meshlib.ConfigError, match=r"services\.payment-service\.tls"):
        meshlib.Mesh({"payment-service": {"discovery": "static://127.0.0.1:1", "tls": tls}})


def test_an_encrypted_key_is_not_asked_for_on_the_terminal(ca, pem):
    cert = ca.issue_cert("a")
    tls = {"cert": pem("cert.pem", *cert.cert_chain_pems), "key": pem("key.pem", encrypted(cert.private_key_pem))}
    with pytest.raises(meshlib.ConfigError, match="the private key is encrypted"):
        meshlib.Mesh({"payment-service": {"discovery": "static://127.0.0.1:1", "tls": tls}})
