"""`import meshlib` stays cheap: what is heavy is imported when a Mesh first needs it."""

import statistics
import subprocess
import sys

HEAVY = (
    "pydantic",
    "dns",
    "opentelemetry.instrumentation",
    "opentelemetry.sdk",
    "pybreaker",
    "tenacity",
    "httpx2",
    "trio",
)
ROUNDS = 7
# The goal is 15 ms where httpx takes 100. A busy machine stretches both alike, so it is their ratio that is held.
BOUND = 0.15


def fresh(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


MEASURE = """
import time
start = time.process_time()
import httpx
between = time.process_time()
import meshlib
meshlib.__version__
print((time.process_time() - between) / (between - start))
"""


def test_importing_meshlib_costs_little_over_httpx() -> None:
    ratios = [float(fresh(MEASURE)) for _ in range(ROUNDS)]
    assert statistics.median(ratios) <= BOUND, f"processor time over that of importing httpx: {sorted(ratios)}"


def test_importing_meshlib_imports_nothing_heavy() -> None:
    loaded = fresh(f"import sys, meshlib; print([m for m in {HEAVY!r} if m in sys.modules])")
    assert loaded == "[]"
