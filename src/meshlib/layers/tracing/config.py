"""The `tracing` section."""

from __future__ import annotations

from typing import ClassVar

from meshlib.config.section import Section, setting
from meshlib.config.values import Flag


class Tracing(Section):
    """One client span per attempt, under the caller's span."""

    section: ClassVar[str] = "tracing"

    call_span: Flag = setting(False, "Adds a span for the call, the parent of its attempts' spans.")
