"""The fault server as a process: switched by lines on its input, telling every execution, gone when its input ends."""

import json
import signal
import subprocess
import sys

import httpx
import pytest


@pytest.fixture
def process():
    command = [sys.executable, "-m", "meshlib.testing.server", "--report", "--mode", '{"status": 503}']
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as started:
        yield started
        started.kill()


def test_it_is_switched_by_lines_and_ends_with_its_input(process):
    url = process.stdout.readline().strip()
    with httpx.Client(trust_env=False, headers={"X-Request-Id": "p"}) as client:
        assert client.get(url).status_code == 503
        process.stdin.write("{}\n")
        process.stdin.flush()
        statuses = [client.post(url).status_code for _ in range(200)]
    assert statuses[-1] == 200
    assert statuses == sorted(statuses, reverse=True)  # 503 until the line was read, then only 200
    process.stdin.close()
    assert process.wait(10) == 0
    assert json.loads(process.stdout.readline()) == {"id": "p", "method": "GET", "executed": True}


def test_a_killed_server_has_told_what_it_executed(process):
    url = process.stdout.readline().strip()
    httpx.post(url, headers={"X-Request-Id": "p"}, trust_env=False)
    process.send_signal(signal.SIGKILL)
    assert json.loads(process.stdout.readline()) == {"id": "p", "method": "POST", "executed": True}
