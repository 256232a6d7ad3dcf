"""The `attempt` section. Without a timeout of its own an attempt gets its share of the call's deadline."""

from __future__ import annotations

from typing import ClassVar

from meshlib.config.section import Section, setting
from meshlib.config.values import PositiveDuration


class Attempt(Section):
    """Bounds each attempt of a call."""

    section: ClassVar[str] = "attempt"

    timeout: PositiveDuration | None = setting(None, "How long one attempt may take, its body included.", unit="s")
