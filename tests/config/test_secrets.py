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
        Service(endpoints=[{"address": "a:1", "token": "hunter2"}]),
        Service(endpoints=[{"address": "a:1", "auth": {"api_key": "hun'ter2"}}]),
        Service(retry={"on": [{"password": "hunter2"}]}),
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


@pytest.mark.parametrize("name", ["MESHLIB_CONFIG", "MESHLIB_ENABLED", "MESHLIB_UNCONFIGURED"])
def test_no_secret_of_a_variable_gets_into_a_message(name: str) -> None:
    (problem,) = problems(environ={name: "https://me:hunter2@config/meshlib.toml"})
    assert "hunter2" not in problem
