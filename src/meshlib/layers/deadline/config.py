"""The `deadline` section. There is no default timeout: only the application knows how long an answer is of use."""

from __future__ import annotations

from typing import ClassVar

from meshlib.config.section import Section, setting
from meshlib.config.values import Flag, PositiveDuration


class Deadline(Section):
    """Bounds a whole call: pick, connect, retries, back-off and body."""

    section: ClassVar[str] = "deadline"

    timeout: PositiveDuration | None = setting(None, "How long a call may take, everything included.", unit="s")
    propagate: Flag = setting(True, "Whether the remaining time is sent on in a request header.")
