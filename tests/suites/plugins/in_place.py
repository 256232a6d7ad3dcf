"""Loaded into a foreign suite with `-p`: puts our clients in place of the stock ones and writes down every outcome.

SUITE_CLIENTS names the modules, as `httpx=meshlib,httpx2=meshlib.httpx2`, or is empty for a stock run. With `wrap` in
place of our module every stock client is wrapped as soon as it is made.
SUITE_RESULTS is the file for the outcomes. Nothing here may import a package of ours in a stock run.
"""

import functools
import importlib
import json
import os
from pathlib import Path

import pytest

RESULTS = Path(os.environ["SUITE_RESULTS"])
outcomes: dict[str, dict[str, str]] = {}
made: dict[str, int] = {}


def count(client: type, label: str) -> None:
    """Every client made is counted, to prove that the suite used ours."""
    original = client.__init__

    @functools.wraps(original)
    def __init__(self, *args, **kwargs):
        made[label] = made.get(label, 0) + 1
        original(self, *args, **kwargs)

    client.__init__ = __init__


def wrap_each(client: type, label: str) -> None:
    wrap, original = importlib.import_module("meshlib").wrap, client.__init__

    @functools.wraps(original)
    def __init__(self, *args, **kwargs):
        original(self, *args, **kwargs)
        made[label] = made.get(label, 0) + 1
        wrap(self)

    client.__init__ = __init__


def substitute(stock: str, ours: str) -> None:
    for name in ("Client", "AsyncClient"):
        if ours == "wrap":
            wrap_each(getattr(importlib.import_module(stock), name), f"wrapped {name}")
            continue
        replacement = getattr(importlib.import_module(ours), name)
        count(replacement, f"{ours}.{name}")
        setattr(importlib.import_module(stock), name, replacement)


def hide_our_spans() -> None:
    """A suite that counts spans counts those of its own package; ours, of another scope, are ours to test."""
    exporter = importlib.import_module("opentelemetry.sdk.trace.export.in_memory_span_exporter").InMemorySpanExporter
    export = exporter.export

    def others_only(self, spans):
        return export(self, [s for s in spans if not s.instrumentation_scope.name.startswith("meshlib")])

    exporter.export = others_only


for pair in filter(None, os.environ["SUITE_CLIENTS"].split(",")):
    substitute(*pair.split("="))
if os.environ["SUITE_CLIENTS"]:
    hide_our_spans()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """The worst of setup, call and teardown counts; subtests are judged with their test."""
    entry = outcomes.setdefault(report.nodeid, {"outcome": "passed", "why": ""})
    if report.failed:
        entry.update(outcome="failed", why=f"{entry['why']}\n{report.longreprtext}"[-4000:])
    elif report.skipped and entry["outcome"] == "passed":
        entry["outcome"] = "skipped"


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed:
        outcomes[report.nodeid] = {"outcome": "failed", "why": report.longreprtext[-4000:]}


def pytest_sessionfinish() -> None:
    RESULTS.write_text(json.dumps({"tests": outcomes, "made": made}))
