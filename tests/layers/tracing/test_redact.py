"""No secret of a URL reaches a span."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshlib.layers.tracing.redact import is_secret, redact

HOST = "https://payments.example/charge"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (HOST, HOST),
        (f"{HOST}?page=2&sort=asc", f"{HOST}?page=2&sort=asc"),
        ("https://ann:s3cret@payments.example/", "https://REDACTED:REDACTED@payments.example/"),
        ("https://ann@payments.example/~bob@home", "https://REDACTED:REDACTED@payments.example/~bob@home"),
        (f"{HOST}?page=2&sig=abc", f"{HOST}?page=2&sig=REDACTED"),
        (f"{HOST}?X-Goog-Signature=abc&x=1", f"{HOST}?X-Goog-Signature=REDACTED&x=1"),
        (f"{HOST}?AWSAccessKeyId=abc&Signature=def", f"{HOST}?AWSAccessKeyId=REDACTED&Signature=REDACTED"),
        (f"{HOST}?%73ig=abc", f"{HOST}?%73ig=REDACTED"),
        (f"{HOST}?token=a;b&x=1", f"{HOST}?token=REDACTED&x=1"),
        (f"{HOST}?x=1;token=a", f"{HOST}?x=1;token=REDACTED"),
        (f"{HOST}?token=a=b", f"{HOST}?token=REDACTED"),
        (f"{HOST}#access_token=abc", f"{HOST}#access_token=REDACTED"),
    ],
)
def test_credentials_and_secret_values_are_replaced_and_the_rest_is_kept(url: str, shown: str) -> None:
    assert redact(httpx.URL(url)) == shown


@pytest.mark.parametrize(
    "key",
    [
        "api_key",
        "apiKey",
        "apikey",
        "key",
        "access-token",
        "refreshToken",
        "client_secret",
        "password",
        "X-Amz-Credential",
    ],
)
def test_the_words_people_use_for_secrets_are_known(key: str) -> None:
    assert is_secret(key)


@pytest.mark.parametrize(
    "key", ["page", "keyword", "monkey", "sort", "signal", "author", "country_code", "passenger_id"]
)
def test_other_words_are_left_alone(key: str) -> None:
    assert not is_secret(key)


@given(
    secret=st.text(st.characters(codec="utf-8", exclude_characters="&;#"), min_size=4),
    more=st.dictionaries(st.text(), st.text()),
)
def test_a_signature_never_shows_whatever_stands_round_it(secret: str, more: dict[str, str]) -> None:
    marked = f"s3cret{secret}"
    shown = redact(httpx.URL(HOST, params={**more, "X-Amz-Signature": marked, "last": "1"}))
    assert "s3cret" not in shown
    assert shown.endswith("&last=1") or "last" in more
