"""Checks a shell block without running it: what it calls must exist, what it sets must be a setting."""

import os
import re
import shlex
import subprocess
import sys
import tomllib

from tests.gates.source import ROOT

ASSIGNMENT = re.compile(r"^(\w+)=(.*)$", re.DOTALL)
REQUIREMENT = re.compile(r"^(?P<name>[\w.-]+)(?:\[(?P<extras>[\w,-]+)\])?")
HARMLESS = ("cd", "git", "curl")  # the reader's own


def settings_and_problems(code: str) -> tuple[dict[str, str], list[str]]:
    """The MESHLIB_ variables the block sets, and what is wrong with its commands."""
    settings: dict[str, str] = {}
    problems: list[str] = []
    for line in code.replace("\\\n", " ").splitlines():
        words = shlex.split(line.removeprefix("$ "), comments=True)
        if words[:1] == ["export"]:
            words.pop(0)
        while words and (match := ASSIGNMENT.match(words[0])):
            settings |= {match[1]: match[2]} if match[1].startswith("MESHLIB_") else {}
            words.pop(0)
        if words and (problem := wrong_with(words)):
            problems.append(f"{line.strip()}: {problem}")
    return settings, problems


def wrong_with(words: list[str]) -> str | None:
    """What is wrong with a command, or None."""
    command, arguments = words[0], words[1:]
    if command in ("python", "python3") and arguments[:2] == ["-m", "pip"]:
        command, arguments = "pip", arguments[2:]
    if command in ("uv", "bash", "python", "python3") and arguments:
        return packages(arguments[1:]) if command == "uv" else existing(arguments[0])
    checks = {"make": targets, "pip": packages, "meshlib": subcommand}
    if command in checks:
        return checks[command](arguments)
    return None if command in HARMLESS else f"the gate does not know the command {command}"


def existing(path: str) -> str | None:
    return None if (ROOT / path).is_file() else f"there is no file {path}"


def targets(arguments: list[str]) -> str | None:
    known = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    unknown = {a for a in arguments if "=" not in a} - known
    return f"the Makefile has no {', '.join(sorted(unknown))}" if unknown else None


def packages(arguments: list[str]) -> str | None:
    """Another project owns the name meshlib in the index, and an extra must exist."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for argument in arguments:
        match = REQUIREMENT.match(argument)
        if match and match["name"] == "meshlib":
            return f"the distribution is {project['name']}"
        if match and match["name"] == project["name"]:
            unknown = set((match["extras"] or "").split(",")) - {"", *project["optional-dependencies"]}
            if unknown:
                return f"there is no extra {', '.join(sorted(unknown))}"
    return None


def subcommand(arguments: list[str]) -> str | None:
    script = f"import sys; from meshlib.cli import main; sys.exit(main([{arguments[0]!r}, '--help']))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=os.environ, timeout=60)
    if done.returncode:
        return f"meshlib has no command {arguments[0]}"
    unknown = [a for a in arguments[1:] if a.startswith("--") and a.split("=")[0] not in done.stdout]
    return f"meshlib {arguments[0]} has no {', '.join(unknown)}" if unknown else None
