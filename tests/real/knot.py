"""Knot DNS with one zone that a test changes while it runs."""

import re
import subprocess
from pathlib import Path

from tests.real.debian import environment, program
from tests.real.process import Server, free_port

ZONE = "mesh.test."
CONFIG = """\
server:
    rundir: "{folder}"
    listen: 127.0.0.1@{port}
control:
    listen: "{folder}/control"
database:
    storage: "{folder}"
log:
  - target: stderr
    any: warning
template:
  - id: default
    storage: "{folder}"
    zonefile-sync: -1
zone:
  - domain: {zone}
    file: zone
"""
EMPTY = "@ 1 SOA ns admin 1 1 1 1 1\n@ 1 NS ns\nns 1 A 127.0.0.1\n"


class Knot:
    """Answers for `mesh.test.` on UDP and TCP `port` of 127.0.0.1; everything else is refused."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        (folder / "zone").write_text(f"$ORIGIN {ZONE}\n{EMPTY}")
        config = folder / "knot.conf"
        config.write_text(CONFIG.format(folder=folder, port=self.port, zone=ZONE))
        self.server = Server([program("knotd"), "-c", str(config)], self.port, folder)

    def set(self, name: str, kind: str, *values: str, ttl: int = 1) -> None:
        """Replace the records of `name` (relative to the zone) and `kind` by `values`; none removes them."""
        self._control("zone-begin", ZONE)
        try:
            self._control("zone-unset", ZONE, name, kind, missing_ok=True)
            for value in values:
                self._control("zone-set", ZONE, name, str(ttl), kind, value)
        except BaseException:
            self._control("zone-abort", ZONE)
            raise
        self._control("zone-commit", ZONE)

    def _control(self, *words: str, missing_ok: bool = False) -> None:
        command = [program("knotc"), "--socket", str(self._folder / "control"), *words]
        done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=10)
        if done.returncode and not (missing_ok and re.search("no such|not exists", done.stdout + done.stderr)):
            raise RuntimeError(f"knotc {' '.join(words)}: {done.stdout}{done.stderr}")

    def stop(self) -> None:
        self.server.stop()
