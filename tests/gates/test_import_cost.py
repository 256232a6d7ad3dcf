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
# The goal is 15 ms on a quiet machine. Processor time and twice the goal keep a busy one from failing.
BOUND = 0.030  # seconds


def fresh(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def cost_of_meshlib_over_httpx() -> float:
    """Processor seconds in one fresh interpreter, after httpx has been paid for."""
    clock = "time.process_time()"
    return float(
        fresh(f"import time, httpx; start = {clock}; import meshlib; meshlib.__version__; print({clock} - start)")
    )


def test_importing_meshlib_costs_little_over_httpx() -> None:
    costs = [cost_of_meshlib_over_httpx() for _ in range(ROUNDS)]
    assert statistics.median(costs) <= BOUND, f"seconds: {sorted(costs)}"


def test_importing_meshlib_imports_nothing_heavy() -> None:
    loaded = fresh(f"import sys, meshlib; print([m for m in {HEAVY!r} if m in sys.modules])")
    assert loaded == "[]"
