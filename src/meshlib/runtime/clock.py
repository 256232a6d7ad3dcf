"""The machine's clock, for the wire's own waits.

A `Runtime` carries the same clock for layers; sockets are real whichever runtime the layers above them have.
"""

from __future__ import annotations

import time

now = time.monotonic
"""Monotonic seconds."""
