"""The control loop over fork and exit: in processes of their own, which must end promptly and without a word."""

import subprocess
import sys
import textwrap
from collections.abc import Iterator

import pytest

from meshlib.testing.dns import DnsServer

LIMIT = 20.0  # seconds for a whole process: on a busy machine enough, and far less than what hangs here would take

SERVICE = """
import os, socket, sys, threading, time
from meshlib.discovery import watch
from meshlib.discovery.config import parse_source
from meshlib.endpoint import Endpoints, first_set
from meshlib.runtime.sync import SyncRuntime, complete

class Service:
    def __init__(self, url):
        self.endpoints, self.events = Endpoints(), []
        self.watch = watch(parse_source(url), self.endpoints, service="pay", emit=self.events.append)

    def first(self, timeout=5.0):
        found = complete(first_set(self.endpoints, SyncRuntime(), timeout))
        return [e.name for e in found.endpoints] if found else []

def until(condition):
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.005)
"""


@pytest.fixture
def server() -> Iterator[DnsServer]:
    with DnsServer() as running:
        running.set("pay.test", "A", ["127.0.0.1"])
        yield running


def run(code: str, *arguments: str) -> str:
    """What a program prints. One that fails, says anything on stderr or does not end in time is an error."""
    forks = "ignore:This process:DeprecationWarning"  # Python 3.12 on: what is tested here is that it goes well
    command = [sys.executable, "-W", "error", "-W", forks, "-c", SERVICE + textwrap.dedent(code), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def url(server: DnsServer, port: int = 80) -> str:
    return f"dns://{server.host}:{server.port}/pay.test:{port}"


FORK = """
service = Service(sys.argv[1])
print(service.first(), flush=True)
started = len(service.events)
sys.stdout.flush()
child = os.fork()
if child == 0:
    # The parent's answer serves at once; the child's own loop asks again.
    print("child", service.first(), flush=True)
    until(lambda: service.endpoints.stale_at == float("inf"))
    print("asked", len([t for t in threading.enumerate() if t.name == "meshlib-control"]), flush=True)
    other = Service(sys.argv[1].replace("pay", "other"))
    print("other", other.first(), flush=True)
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
other = Service(sys.argv[1].replace("pay", "other"))
print("parent", other.first(), flush=True)
"""


def test_a_forked_child_resolves_anew_and_the_parent_goes_on(server: DnsServer) -> None:
    server.set("other.test", "A", ["127.0.0.2"])
    out = run(FORK, url(server))
    assert out.splitlines() == [
        "['127.0.0.1:80']",
        "child ['127.0.0.1:80']",
        "asked 1",
        "other ['127.0.0.2:80']",
        "parent ['127.0.0.2:80']",
    ]
    assert server.queries["pay.test", "A"] == 2
    assert server.queries["other.test", "A"] == 2


def test_forks_in_the_middle_of_publications_leave_no_lock_held(server: DnsServer) -> None:
    code = """
    from meshlib.discovery.process import process
    from meshlib.endpoint import Address
    service = Service(sys.argv[1])
    service.first()
    stop = False

    def publish():
        turn = 0
        while not stop:
            turn += 1
            service.watch.publish([Address(f"127.0.0.{1 + turn % 9}", None)], 0.0)

    thread = threading.Thread(target=publish)
    thread.start()
    for _ in range(20):
        child = os.fork()
        if child == 0:
            service.watch.publish([Address("127.0.0.77", None)], 0.0)
            # what was just published, unless the child's own loop has had the server's answer already
            os._exit(0 if service.first() in (["127.0.0.77:80"], ["127.0.0.1:80"]) else 1)
        assert os.waitpid(child, 0)[1] == 0
    stop = True
    thread.join()
    """
    run(code, url(server))


def test_a_child_of_a_process_that_watches_nothing_starts_no_thread() -> None:
    code = """
    import meshlib.discovery.process
    child = os.fork()
    if child == 0:
        os._exit(threading.active_count() - 1)
    assert os.waitpid(child, 0)[1] == 0
    """
    run(code)


@pytest.mark.parametrize("how", ["socket.getaddrinfo = hang", "meshlib.discovery.system.with_route = hang"])
def test_a_look_up_that_hangs_does_not_hold_the_exit(how: str) -> None:
    code = f"""
    import meshlib.discovery.system
    def hang(*_, **__):
        print("hangs", flush=True)
        time.sleep(60)
    {how}
    service = Service("system://localhost:80")
    assert service.first(0.3) == []
    """
    out = run(code)
    assert out == "hangs\n"


def test_a_silent_server_does_not_hold_the_exit(server: DnsServer) -> None:
    server.fail("pay.test", "DROP")
    run("assert Service(sys.argv[1]).first(0.3) == []", url(server))


def test_a_process_ends_quietly_while_its_services_are_watched(server: DnsServer) -> None:
    run("service = Service(sys.argv[1]); service.first()", url(server))
    run("service = Service(sys.argv[1]); service.watch.start()", url(server))


def test_a_service_that_is_first_used_at_exit_is_resolved_by_the_caller(server: DnsServer) -> None:
    code = """
    import atexit, logging
    logging.disable()
    service = Service(sys.argv[1])
    atexit.register(lambda: print(service.first(), flush=True))
    from meshlib.discovery.process import process
    atexit.register(process.at_exit)
    """
    assert run(code, url(server)) == "['127.0.0.1:80']\n"


def test_the_background_threads_import_nothing_for_a_fork_could_cut_them_off(server: DnsServer) -> None:
    code = """
    import logging
    logging.disable()

    class Watcher:
        def find_spec(self, name, path=None, target=None):
            if threading.current_thread() is not threading.main_thread():
                print(name, flush=True)

    urls = (sys.argv[1], sys.argv[1].replace("pay", "nowhere"), "system://localhost:80", "dns://localhost:80")
    services = [Service(url) for url in urls]
    sys.meta_path.insert(0, Watcher())
    assert [bool(service.first(0.5)) for service in services] == [True, False, True, True]
    """
    assert run(code, url(server)) == ""
