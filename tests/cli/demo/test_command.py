"""The command itself: its arguments, its exit status, and one short run with every real process."""

import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from meshlib.cli.demo import main, run
from meshlib.cli.demo.columns import COLUMNS
from meshlib.cli.demo.command import _warn_if_busy
from meshlib.cli.demo.lane import Lane
from meshlib.cli.demo.schedule import FIRST_REPLICAS, REPLICAS, Schedule
from tests.cli.demo.make import record


@pytest.mark.parametrize(
    "arguments", [["--seconds", "3"], ["--rate", "0"], ["--rate", "many"], ["--seed", "x"], ["now"]]
)
def test_a_wrong_argument_is_refused_before_anything_starts(arguments, capsys):
    with pytest.raises(SystemExit) as refused:
        main(arguments)
    assert refused.value.code == 2
    assert arguments[-1] in capsys.readouterr().err


def test_without_the_loopback_addresses_it_says_so_and_ends_with_status_2(monkeypatch, capsys):
    monkeypatch.setattr(run, "HOSTS", ["192.0.2.1"] * REPLICAS)  # an address of no machine
    assert main([]) == 2
    assert "loopback addresses 127.0.0.11 to 127.0.0.16" in capsys.readouterr().err


@pytest.mark.parametrize(("late", "told"), [(0.2, True), (0.01, False)])
def test_a_starved_machine_is_told(late, told, capsys):
    lane = Lane("bare", 1, Schedule())
    lane.records = [replace(record(), late=late) for _ in range(100)]
    _warn_if_busy([lane])
    assert ("more than 200 ms late" in capsys.readouterr().out) is told


def children_of(pid: int) -> set[str]:
    return set(Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


@pytest.mark.realtime
def test_a_short_run_with_all_its_processes(tmp_path):
    """meshlib's column keeps its word, the picture is there, and no process stays behind."""
    command = [sys.executable, "-m", "meshlib.cli.demo", "--seconds", "12", "--rate", "30"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "recovered from: hanging" in done.stdout
    assert str(tmp_path / "demo.svg") in done.stdout
    assert (tmp_path / "demo.svg").read_text().startswith("<svg")


@pytest.mark.realtime
def test_when_the_demo_is_killed_its_processes_end(tmp_path):
    command = [sys.executable, "-m", "meshlib.cli.demo", "--seconds", "12", "--rate", "5"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as demo:
        while not demo.stdout.readline().split()[0].isdigit():
            pass  # until the first second is told: every process runs
        started = children_of(demo.pid)
        demo.send_signal(signal.SIGKILL)
    assert len(started) == len(COLUMNS) * (FIRST_REPLICAS + 1)  # and the client
    deadline = time.monotonic() + 10
    while (left := {pid for pid in started if Path(f"/proc/{pid}").exists()}) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left
