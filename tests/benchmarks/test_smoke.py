"""One small case from end to end, so that the harness does not rot between full runs."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from benchmarks.__main__ import main

pytestmark = pytest.mark.realtime
SMALL = ["--quick", "--rounds", "2", "--own-servers", "--contender", "httpx", "--contender", "mesh"]


def test_a_small_run_writes_page_samples_and_chart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = main([*SMALL, "--only", "async-c10-e3", "--only", "sync-t1", "--results", str(tmp_path)])
    assert status == 0, capsys.readouterr().err
    cases = json.loads((tmp_path / "benchmarks.json").read_text())["cases"]
    assert {name: set(samples) for name, samples in cases.items()} == {
        "async-c10-e3": {"httpx", "mesh"},
        "sync-t1": {"httpx", "mesh"},
    }
    for samples in (cases["async-c10-e3"]["mesh"], cases["sync-t1"]["mesh"]):
        assert all(len(samples[metric]) == 2 for metric in ("cpu", "wall", "p50", "p99", "connects"))
        assert min(samples["cpu"]) > 0
    page = (tmp_path / "benchmarks.md").read_text()
    assert "| async, c = 10, 3 endpoints, CPU a request |" in page
    assert "## Sync, 1 thread, 3 endpoints (100 requests of each a round)" in page
    drawn = ElementTree.parse(tmp_path / "benchmarks.svg").getroot()
    assert "meshlib" in [text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")]
