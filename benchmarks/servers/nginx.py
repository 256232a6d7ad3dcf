"""nginx with many listening ports, from the machine or from the distribution's packages unpacked into .cache."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
from pathlib import Path

from tests.real import debian
from tests.real.process import Server

from benchmarks.servers.fleet import Fleet
from benchmarks.servers.ports import addresses, free_ports

# Connections are kept for longer than any round lasts, so that only clients decide when to connect.
CONFIG = """\
{user}
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log stderr error;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_timeout 300s;
    keepalive_requests 100000000;
    server {{
        {listen}
        location = /status {{ stub_status; }}
        location / {{ default_type application/json; return 200 '{{"ok":true}}\\n'; }}
    }}
}}
"""


def nginx(folder: Path, count: int) -> Fleet | None:
    """One nginx that listens on `count` ports, None where nginx cannot be had."""
    program = _program()
    if program is None:
        return None
    ports = free_ports(count)
    config = folder / "nginx.conf"
    user = f"user {getpass.getuser()};" if os.getuid() == 0 else ""
    listen = "\n        ".join(f"listen 127.0.0.1:{port} backlog=1024;" for port in ports)
    config.write_text(CONFIG.format(folder=folder, user=user, listen=listen))
    command = [program, "-e", "stderr", "-p", str(folder), "-c", str(config)]
    return Fleet("nginx", addresses(ports), f"127.0.0.1:{ports[0]}", Server(command, ports[0], folder))


def _program() -> str | None:
    found = shutil.which("nginx")
    if found is not None:
        return found
    try:
        debian.unpack()
        return debian.program("nginx")
    except (RuntimeError, OSError, subprocess.SubprocessError):
        return None
