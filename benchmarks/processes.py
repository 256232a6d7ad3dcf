"""What the kernel says of another process. Linux only; elsewhere there is no figure."""

from __future__ import annotations

from pathlib import Path


def cpu_seconds(pid: int) -> float | None:
    """CPU time of all its threads so far. From `schedstat`, for `stat` counts in ticks of 10 ms."""
    try:
        threads = [path.read_text().split()[0] for path in Path(f"/proc/{pid}/task").glob("*/schedstat")]
    except OSError:
        return None
    return sum(map(int, threads)) / 1e9 if threads else None


def resident_mib(pid: int | str = "self") -> float | None:
    """Its resident memory."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), None)
