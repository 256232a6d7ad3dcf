"""What a client without a balancer has to do by hand: name the endpoint itself, each in turn."""

from __future__ import annotations

import itertools
import threading

from benchmarks.workload import Workload

HEADERS = {"x-request-id": "1"}


class Rotation:
    """Each of `values` in turn, from any thread."""

    def __init__(self, values: list[str]) -> None:
        self._turns = itertools.cycle(values)
        self._lock = threading.Lock()

    def __call__(self) -> str:
        with self._lock:
            return next(self._turns)


def urls(addresses: list[str], work: Workload) -> list[str]:
    return [f"http://{address}{work.path}" for address in addresses]
