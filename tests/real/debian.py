"""Real servers from the distribution's packages, unpacked into .cache and never installed.

apt gets a state of its own there and reads the machine's sources, so it checks every package against the signed index
of the distribution, and the machine's own state stays untouched. Libraries the machine has already are used from there.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

CACHE = Path(__file__).parents[2] / ".cache" / "debian"
ROOT = CACHE / "root"
PACKAGES = ("knot", "knot-dnsutils", "nginx")


def unpack() -> None:
    """Make sure ROOT holds PACKAGES and what they need. Raises CalledProcessError with apt's own words."""
    done = CACHE / "done"
    if done.is_file() and done.read_text() == str(PACKAGES):
        return
    if not shutil.which("apt-get"):
        raise RuntimeError("the real servers come from Debian packages: apt-get is missing, leave TEST_SERVERS unset")
    shutil.rmtree(CACHE, ignore_errors=True)
    for folder in ("lists/partial", "archives/partial", "debs", "root"):
        (CACHE / folder).mkdir(parents=True)
    apt("update", "-qq", "--error-on=any")
    apt("download", "-qq", *needed())
    for deb in sorted((CACHE / "debs").glob("*.deb")):
        subprocess.run(["dpkg", "-x", str(deb), str(ROOT)], check=True)
    shutil.rmtree(CACHE / "debs")
    done.write_text(str(PACKAGES))


def needed() -> list[str]:
    """PACKAGES and those of their dependencies that the machine lacks."""
    plan = apt("install", "--simulate", "--no-install-recommends", *PACKAGES)
    missing = [line.split()[1] for line in plan.splitlines() if line.startswith("Inst ")]
    return sorted({*PACKAGES, *missing})


def apt(*arguments: str) -> str:
    private = {
        "Dir::State::lists": CACHE / "lists",
        "Dir::Cache::archives": CACHE / "archives",
        "Dir::Cache::pkgcache": "",
        "Dir::Cache::srcpkgcache": "",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
        "Acquire::AllowInsecureRepositories": "false",
        "APT::Get::AllowUnauthenticated": "false",
        **({"APT::Sandbox::User": "root"} if os.getuid() == 0 else {}),  # its own user may not write here
    }
    options = [part for name, value in private.items() for part in ("-o", f"{name}={value}")]
    command = ["apt-get", *options, *arguments]
    plain = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(command, cwd=CACHE / "debs", env=plain, stdout=subprocess.PIPE, text=True, timeout=300)
    done.check_returncode()
    return done.stdout


def program(name: str) -> str:
    """Path of an unpacked program."""
    found = shutil.which(name, path=os.pathsep.join(str(ROOT / p) for p in ("usr/sbin", "usr/bin", "sbin", "bin")))
    if found is None:
        raise FileNotFoundError(f"{name} is not among the unpacked packages; `make servers` unpacks them")
    return found


def environment() -> dict[str, str]:
    """What an unpacked program runs with: its libraries beside it."""
    libraries = [str(p) for pattern in ("usr/lib/*-linux-gnu*", "lib/*-linux-gnu*") for p in sorted(ROOT.glob(pattern))]
    return {**os.environ, "LD_LIBRARY_PATH": os.pathsep.join(libraries)}


if __name__ == "__main__":
    unpack()
    sys.stdout.write(f"real servers: {', '.join(PACKAGES)} unpacked\n")
