"""Real HTTP servers that misbehave on purpose, for tests and for the demo.

A mock answers the question the test's author had in mind; a socket answers the others: a reset after the work was done,
a head that drips, a kept-alive connection that died in silence. These servers need nothing but the standard library,
cost little (one callback chain per request, no task), and change their mode while they run.

    with FaultServer() as server:
        httpx.get(server.url)                  # 200
        server.mode = Mode.fail(503, retry_after=1)
        assert httpx.get(server.url).status_code == 503
        assert server.requests == 2

As a process (see `__main__`): `python -m meshlib.testing.server --host 127.0.0.2 --port 8001`.
"""

from meshlib.testing.server.faultserver import FaultServer
from meshlib.testing.server.fleet import Fleet
from meshlib.testing.server.mode import Mode
from meshlib.testing.server.request import Request

__all__ = ["FaultServer", "Fleet", "Mode", "Request"]
