"""The URLs to leave out come from the instrumentation's own variables."""

from __future__ import annotations

import pytest
from opentelemetry.util.http import get_excluded_urls

from meshlib.errors import ConfigError
from meshlib.layers.tracing.exclude import VARIABLES, excluded_urls

SPECIFIC, GENERAL = VARIABLES


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {SPECIFIC: ""},
        {SPECIFIC: "client/.*/info,healthcheck"},
        {GENERAL: " healthcheck , /v1/"},
        {SPECIFIC: "healthcheck", GENERAL: "/v1/"},
        {SPECIFIC: "", GENERAL: "/v1/"},
    ],
)
@pytest.mark.parametrize("path", ["client/7/info", "healthcheck", "v1/charge", "v2/charge"])
def test_they_mean_what_they_mean_to_the_instrumentation(
    environ: dict[str, str], path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in environ.items():
        monkeypatch.setenv(name, text)
    url = f"http://payment-service/{path}"
    pattern = excluded_urls()
    ours = pattern is not None and pattern.search(url) is not None
    assert ours == get_excluded_urls("HTTPX").url_disabled(url)


def test_what_is_no_regular_expression_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SPECIFIC, "(")
    with pytest.raises(ConfigError, match=rf"{SPECIFIC}='\('"):
        excluded_urls()
