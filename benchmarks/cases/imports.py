"""What it takes to import each library and make a first client, each time in a fresh interpreter."""

from __future__ import annotations

import json
import subprocess
import sys

from benchmarks.rounds import Samples, interleaved
from benchmarks.workload import Workload

NAIVE = "import httpx, tenacity, pybreaker, opentelemetry.instrumentation.httpx"
IMPORTS = {
    "httpx": ("import httpx", "httpx.AsyncClient()"),
    "httpx2": ("import httpx2", "httpx2.AsyncClient()"),
    "naive": (NAIVE, "httpx.AsyncClient()"),
    "mesh": ("import meshlib", "meshlib.AsyncClient()"),
}
PROGRAM = """\
import time
start = time.perf_counter()
{statement}
imported = time.perf_counter()
{client}
made = time.perf_counter()
print([(imported - start) * 1e3, (made - imported) * 1e3])
"""


def imports(work: Workload) -> Samples:
    """`import` and `client` in milliseconds, wall."""
    return interleaved(IMPORTS, max(work.rounds, 3), _measure)


def _measure(name: str) -> dict[str, float]:
    statement, client = IMPORTS[name]
    program = PROGRAM.format(statement=statement, client=client)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    imported, made = json.loads(done.stdout)
    return {"import": imported, "client": made}
