"""A foreign suite: where its tests come from, and how they are laid out to be run."""

import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
CACHE = HERE.parents[1] / ".cache" / "suites"


@dataclass(frozen=True)
class Suite:
    """One table of suites.toml, where the fields are explained."""

    name: str
    distribution: str
    version: str
    sha256: str
    clients: dict[str, str]
    select: str = ""
    arguments: list[str] = field(default_factory=list)
    replace: list[list[str]] = field(default_factory=list)

    def ours(self, way: str) -> dict[str, str]:
        """What takes the place of the stock clients: ours (`in_place`), or themselves once made (`wrapped`)."""
        return self.clients if way == "in_place" else dict.fromkeys(self.clients, "wrap")

    def explained(self, kind: str, way: str) -> dict[str, str]:
        """Reasons by test: `kind` is failure or flaky."""
        path = HERE / f"{self.name}_exceptions.toml"
        table = tomllib.loads(path.read_text()) if path.is_file() else {}
        return {entry["test"]: entry["reason"] for entry in table.get(kind, []) if entry.get("only", way) == way}


def load() -> list[Suite]:
    return [Suite(name, **table) for name, table in tomllib.loads((HERE / "suites.toml").read_text()).items()]


def unpacked(suite: Suite) -> Path:
    """The source distribution, downloaded once by pip and checked against its digest before every use."""
    stem = f"{suite.distribution.replace('-', '_')}-{suite.version}"
    archive = CACHE / f"{stem}.tar.gz"
    if not archive.is_file():
        download(suite)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if digest != suite.sha256:
        archive.unlink()
        raise ValueError(f"{archive.name} has the digest {digest}, suites.toml says {suite.sha256}")
    folder = CACHE / stem
    if not folder.is_dir():
        with tarfile.open(archive) as tar:
            tar.extractall(CACHE, filter="data")
    return folder


def download(suite: Suite) -> None:
    wanted = [f"{suite.distribution}=={suite.version}", "--no-binary", suite.distribution, "--no-deps"]
    command = [sys.executable, "-m", "pip", "download", "--quiet", *wanted, "--dest", str(CACHE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise RuntimeError(f"cannot get the source of {wanted[0]}:\n{done.stderr}")


def lay_out(suite: Suite, folder: Path, ports: list[int]) -> None:
    """Only the tests and their pytest settings: the package under test is the installed one."""
    source = unpacked(suite)
    shutil.copytree(source / "tests", folder / "tests")
    shutil.copy(source / "pyproject.toml", folder)
    named = {f"{{port{i}}}": str(port) for i, port in enumerate(ports)}
    for path in (folder / "tests").rglob("*.py"):
        text = path.read_text()
        for pattern, replacement in suite.replace:
            for placeholder, port in named.items():
                replacement = replacement.replace(placeholder, port)
            text = re.sub(pattern, replacement.replace("\\", r"\\"), text)
        path.write_text(text)
