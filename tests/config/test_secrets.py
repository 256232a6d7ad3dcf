"""A secret that strayed into a setting is shown in no message."""

import pytest

from meshlib.config import Service
from tests.config.test_wrong_settings import problems


@pytest.mark.parametrize(
    "service",
    [
        Service("dns://me:hunter2@resolver/pay"),
        Service("consul://pay?token=hunter2"),
        Service("static://me:hunter2@a:1"),
        Service("http://me:hun/ter2@a"),
        Service(endpoints=[{"address": "me:hunter2@a:1"}], discovery=None),
        Service(tls={"key": "-----BEGIN PRIVATE KEY-----\nhunter2"}),
        Service(api_key="hunter2"),
        Service(retry={"password": "hunter2"}),
    ],
    ids=lambda service: str(service.given)[:30],
)
def test_no_secret_gets_into_a_message(service: Service) -> None:
    text = "\n".join(problems(services={"pay": service}))
    assert "hunter2" not in text
    assert "ter2" not in text
