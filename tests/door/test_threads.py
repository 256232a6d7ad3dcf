"""Clients are shared by threads, and Meshes by clients; nothing is left in flight."""

import threading

import httpx
import pytest

import meshlib
from meshlib.testing.server import Fleet, Mode
from tests.ways import busy

URL = "http://payment-service/"


@pytest.fixture
def fleet():
    with Fleet(3) as running:
        yield running


def one_call(client, turn, odd):
    """The status or the error of a plain, streamed or uploading call."""
    try:
        if turn % 3 == 0:
            return client.get(f"{URL}reset" if odd else URL).status_code
        if turn % 3 == 1:
            with client.stream("GET", URL) as response:
                return response.status_code if odd else len(response.read())
        return client.post(URL, content=iter([b"x"])).status_code
    except httpx.TransportError as exc:
        return type(exc).__name__


def test_eight_threads_on_two_clients_of_one_mesh(fleet):
    fleet[0].mode = Mode.fail(503)
    fleet[1].mode = lambda request: Mode.reset() if request.target == "/reset" else Mode.ok()
    mesh = meshlib.Mesh({"payment-service": {"discovery": f"static://{','.join(fleet.addresses)}"}})
    outcomes = []

    def work(client, number):
        outcomes.extend([one_call(client, turn, number % 2) for turn in range(24)])

    with meshlib.Client(mesh=mesh) as one, meshlib.Client(mesh=mesh) as two:
        threads = [threading.Thread(target=work, args=(client, n)) for n in range(4) for client in (one, two)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert len(outcomes) == 8 * 24, "an error that is none of httpx's ended a thread"
    assert busy(mesh) == 0


def test_journals_of_threads_do_not_mix(fleet):
    mesh = meshlib.Mesh({"payment-service": {"discovery": f"static://{','.join(fleet.addresses)}"}})
    wrong = []

    def work(client, number):
        for _ in range(20):
            hops = meshlib.journal(client.get(f"{URL}{number}")).hops
            if [hop.url for hop in hops] != [f"{URL}{number}"]:
                wrong.append(hops)

    with meshlib.Client(mesh=mesh) as client:
        threads = [threading.Thread(target=work, args=(client, n)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert wrong == []
