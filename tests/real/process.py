"""One server process of a test: started, waited for, stopped by its own process id."""

import signal
import socket
import subprocess
import time
from pathlib import Path

from tests.real.debian import environment

PATIENCE = 10.0  # seconds until a server must answer, or have stopped


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


class Server:
    """A process that listens on TCP `port` of 127.0.0.1 once it is ready. Its output goes to `folder`/log."""

    def __init__(self, command: list[str], port: int, folder: Path) -> None:
        self.port = port
        self._log = folder / "log"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, env=environment(), cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def _wait(self) -> None:
        limit = time.monotonic() + PATIENCE
        while time.monotonic() < limit and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise RuntimeError(f"the server does not answer on port {self.port}:\n{self._log.read_text()}")

    @property
    def pid(self) -> int:
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        """SIGSTOP freezes the server, SIGCONT lets it go on."""
        self._process.send_signal(number)

    def stop(self) -> None:
        """End it; no harm when it has ended already."""
        if self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGCONT)
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(PATIENCE)
