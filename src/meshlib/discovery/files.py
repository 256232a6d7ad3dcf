"""The hosts file, read again when it changes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

Stamp = tuple[int, int, int]


def stamp(path: str) -> Stamp:
    """What differs when a file was changed or replaced: time, inode and size. Zeros where there is none."""
    try:
        status = Path(path).stat()
    except OSError:
        return (0, 0, 0)
    return (status.st_mtime_ns, status.st_ino, status.st_size)


def in_hosts_file(name: str, path: str = "/etc/hosts") -> tuple[str, ...]:
    """The addresses that the hosts file gives a name, in its order; empty where it has none."""
    return _parsed(path, stamp(path)).get(name.removesuffix(".").lower(), ())


@lru_cache(maxsize=4)
def _parsed(path: str, _: Stamp) -> Mapping[str, tuple[str, ...]]:
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        for name in names:
            found.setdefault(name.lower(), []).append(address)
    return {name: tuple(dict.fromkeys(addresses)) for name, addresses in found.items()}
