"""URLs that shall have no spans: the environment variables of OpenTelemetry's own instrumentation, with their meaning.

OTEL_PYTHON_HTTPX_EXCLUDED_URLS, else OTEL_PYTHON_EXCLUDED_URLS: regular expressions separated by commas, found anywhere
in the URL. Read once, when a chain is built.
"""

from __future__ import annotations

import os
import re

from meshlib.errors import ConfigError

VARIABLES = ("OTEL_PYTHON_HTTPX_EXCLUDED_URLS", "OTEL_PYTHON_EXCLUDED_URLS")


def excluded_urls() -> re.Pattern[str] | None:
    """The URLs that are left out, or None when the environment names none.

    Raises ConfigError, naming the variable, for what is no regular expression.
    """
    for name in VARIABLES:
        text = os.environ.get(name)
        if text is not None:
            return _compile(name, text)
    return None


def _compile(name: str, text: str) -> re.Pattern[str] | None:
    patterns = [part for pattern in text.split(",") if (part := pattern.strip())]
    try:
        return re.compile("|".join(patterns)) if patterns else None
    except re.error as exc:
        raise ConfigError(f"{name}={text!r} is not a list of regular expressions: {exc}") from exc
