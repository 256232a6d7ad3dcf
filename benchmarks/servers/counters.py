"""Connections as the server counts them, for a client's own count could be wrong with it."""

from __future__ import annotations

import re
from http.client import HTTPConnection


def connections(status: str) -> tuple[int, int]:
    """How many are open now, and how many were ever accepted, without the one that asks. status: host:port."""
    host, _, port = status.partition(":")
    asking = HTTPConnection(host, int(port), timeout=10)
    try:
        asking.request("GET", "/status")
        page = asking.getresponse().read().decode()
    finally:
        asking.close()
    active, accepted = (int(number) for number in re.findall(r"(?:Active connections:|requests)\s+(\d+)", page))
    return active - 1, accepted
