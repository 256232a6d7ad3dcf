"""A fork in the middle of a call, by the thread whose call it is: both processes go on with it, and stay apart."""

from __future__ import annotations

from pathlib import Path

from meshlib.testing.server import FaultServer, Mode, Request
from tests.process.echo import echo
from tests.process.program import run

BEGIN = """
import os, sys, meshlib
from meshlib.hop import current_flow
from meshlib.wire.current import current

address = sys.argv[1]

def new(*layers, **kw):
    mesh = meshlib.Mesh({"payment-service": meshlib.Service(f"static://{address}", **kw)}, layers=list(layers))
    return mesh, meshlib.Client(mesh=mesh, trust_env=False, timeout=5)

def in_flight(mesh):
    return sum(e["in_flight"] for e in mesh.snapshot()["payment-service"]["endpoints"].values())

url, parent, children = "http://payment-service", os.getpid(), []

def fork():
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        children.append(pid)
    return pid == 0

def end(*told):
    if os.getpid() != parent:
        print("child", *told, flush=True)
        os._exit(0)
    print([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children], flush=True)
    print("parent", *told, flush=True)
"""

IN_A_LAYER = (
    BEGIN
    + """
class Forking:
    name = "forking"
    armed = False

    async def handle(self, inner, call):
        if self.armed and not children and os.getpid() == parent:
            fork()
        return await inner(call)

layer = Forking()
mesh, client = new((layer, "above", "retry"))
client.get(url + "/warm")
layer.armed = True
text = client.get(url + "/forked").text
left = in_flight(mesh)
again = client.get(url + f"/{os.getpid()}").text == f"/{os.getpid()}"
end(text, left, again, in_flight(mesh))
"""
)

IN_A_STREAM = (
    BEGIN
    + """
mesh, client = new(retry=False)
client.get(url + "/warm")
with client.stream("GET", url + "/long") as response:
    chunks = response.iter_raw()
    first = next(chunks)
    if fork():
        own = client.get(url + "/child").text
        try:
            stolen = b"".join(chunks)
        except Exception as error:
            stolen = type(error).__name__
        end(own, in_flight(mesh), stolen)
    rest = b"".join(chunks)
end((first + rest).decode() == "/long" * 100, in_flight(mesh), client.get(url + "/after").text)
"""
)

CONTEXT = (
    BEGIN
    + """
class Forking:
    name = "forking"

    async def handle(self, inner, attempt):
        if attempt.request.url.path == "/fork" and fork():
            try:
                inherited = (current_flow.get(), current.get())
                response = client.get(url + "/child", extensions={"timeout": {"read": 5}})
                end(inherited, response.text, len(meshlib.journal(response).hops))
            finally:
                os._exit(7)
        return await inner(attempt)

mesh, client = new((Forking(), "below", "retry"), deadline={"timeout": 5.0})
response = client.get(url + "/fork")
end(response.text, len(meshlib.journal(response).hops))
"""
)


def test_a_call_that_a_layer_forks_in_is_answered_in_both_processes(tmp_path: Path) -> None:
    with echo(tmp_path) as backend:
        out = run(IN_A_LAYER, backend.server.address)
    assert out == "child /forked 0 True 0\n[0]\nparent /forked 0 True 0\n"


def test_a_body_that_is_read_in_the_parent_cannot_be_read_in_the_child() -> None:
    def answer(request: Request) -> Mode:
        if request.target == "/long":
            return Mode(body=b"/long" * 100, answer="drip_body", interval=0.002)
        return Mode(body=request.target.encode())

    with FaultServer(mode=answer) as server:
        out = run(IN_A_STREAM, server.address)
    assert out == "child /child 0 ReadError\n[0]\nparent True 0 /after\n"


def test_a_child_of_a_call_belongs_to_no_call(tmp_path: Path) -> None:
    with echo(tmp_path) as backend:
        out = run(CONTEXT, backend.server.address)
    assert out == "child (None, None) /child 1\n[0]\nparent /fork 1\n"
