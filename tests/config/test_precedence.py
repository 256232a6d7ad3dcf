"""Precedence, section by section and field by field, and the origin every value keeps."""

from pathlib import Path

import pytest
import tenacity

from meshlib.config import Service, Settings, load
from meshlib.errors import ConfigError
from meshlib.layers.attempt.config import Attempt
from meshlib.layers.breaker.config import Breaker
from meshlib.layers.deadline.config import Deadline
from meshlib.layers.retry.config import Backoff, Budget, Retry
from meshlib.layers.tracing.config import Tracing

FILE = """\
unconfigured = "mesh"

[defaults.retry]
max_attempts = 7
buffer_body = "1KiB"
backoff = { base = "10ms", jitter = "none" }

[services.pay]
discovery = "static://10.0.0.1:1"
hosts = ["pay.internal"]
retry.max_attempts = 6
retry.budget.cap = 5
attempt.timeout = "300ms"
breaker = false

[services."*.svc".breaker]
window = "1m"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "meshlib.toml"
    path.write_text(FILE)
    return path


def pay(file: Path, environ: dict[str, str], service: Service | None = None) -> Settings:
    return load(file=file, environ=environ, services={"pay": service} if service else None).settings("pay")


def test_a_file_alone(file: Path) -> None:
    settings = pay(file, {})
    backoff, budget = Backoff(base=0.01, jitter="none"), Budget(cap=5)
    assert settings.retry == Retry(max_attempts=6, buffer_body=1024, backoff=backoff, budget=budget)
    assert settings.attempt == Attempt(timeout=0.3)
    assert settings.breaker is None
    assert settings.tracing == Tracing()
    assert settings.tls is None
    assert settings.origin("retry", "max_attempts") == f"{file}:11 (file)"
    assert settings.origin("retry", "buffer_body") == f"{file}:5 (file)"
    assert settings.origin("retry", "backoff", "base") == f"{file}:6 (file)"
    assert settings.origin("retry", "backoff", "max") == "default"
    assert settings.origin("retry", "budget", "cap") == f"{file}:12 (file)"
    assert settings.origin("breaker") == f"{file}:14 (file)"
    assert settings.origin("breaker", "window") == f"{file}:14 (file)"
    assert settings.origin("discovery") == f"{file}:9 (file)"
    assert settings.origin("tracing", "call_span") == "default"


def test_environment_beats_file_and_code_beats_both_field_by_field(file: Path) -> None:
    environ = {
        "MESHLIB_SERVICES__PAY__RETRY__MAX_ATTEMPTS": "5",
        "MESHLIB_SERVICES__PAY__RETRY__BUDGET": "{ratio = 0.5}",
        "MESHLIB_SERVICES__PAY__ATTEMPT__TIMEOUT": "200ms",
        "MESHLIB_SERVICES__PAY__DISCOVERY": "static://10.0.0.2:1",
    }
    settings = pay(file, environ, Service(attempt=Attempt(timeout=0.1), retry={"budget": {"floor": 1}}))
    assert settings.retry is not None
    assert settings.retry.max_attempts == 5
    assert settings.retry.budget == Budget(ratio=0.5, cap=5, floor=1.0)
    assert settings.attempt == Attempt(timeout=0.1)
    assert str(settings.discovery) == "static://10.0.0.2:1"
    assert settings.hosts == ("pay.internal",)
    assert settings.origin("retry", "max_attempts") == "MESHLIB_SERVICES__PAY__RETRY__MAX_ATTEMPTS (environment)"
    assert settings.origin("retry", "budget", "ratio") == "MESHLIB_SERVICES__PAY__RETRY__BUDGET (environment)"
    assert settings.origin("retry", "budget", "cap") == f"{file}:12 (file)"
    assert settings.origin("retry", "budget", "floor") == "code"
    assert settings.origin("attempt", "timeout") == "code"


def test_a_services_own_field_from_any_source_beats_the_defaults_from_any_source(file: Path) -> None:
    config = load(file=file, environ={"MESHLIB_DEFAULTS__RETRY__MAX_ATTEMPTS": "9"}, defaults={"retry": {"on": [503]}})
    retry = config.settings("pay").retry
    assert retry is not None
    assert retry.max_attempts == 6
    assert retry.on == (503,)
    assert config.settings(None).retry == Retry(
        max_attempts=9, buffer_body=1024, backoff=Backoff(base=0.01, jitter="none"), on=(503,)
    )


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"MESHLIB_SERVICES__PAY__BREAKER": "true"}, Breaker()),
        ({"MESHLIB_SERVICES__PAY__BREAKER__WINDOW": "5s"}, Breaker(window=5.0)),
        ({"MESHLIB_DEFAULTS__BREAKER__WINDOW": "5s"}, None),
    ],
    ids=["true", "one key", "only a default"],
)
def test_a_stronger_source_switches_on_what_a_weaker_one_switched_off(
    file: Path, environ: dict[str, str], expected: Breaker | None
) -> None:
    assert pay(file, environ).breaker == expected


def test_false_in_code_switches_off_whatever_others_say(file: Path) -> None:
    settings = pay(file, {"MESHLIB_SERVICES__PAY__RETRY__MAX_ATTEMPTS": "5"}, Service(retry=False))
    assert settings.retry is None
    assert settings.origin("retry", "max_attempts") == "code"


def test_a_duration_for_backoff_replaces_a_table_and_a_table_a_duration(file: Path) -> None:
    settings = pay(file, {"MESHLIB_SERVICES__PAY__RETRY__BACKOFF": "100ms"})
    assert settings.retry is not None
    assert settings.retry.backoff == 0.1
    back = pay(
        file,
        {"MESHLIB_SERVICES__PAY__RETRY__BACKOFF": "100ms"},
        Service(retry=Retry(backoff=Backoff(max=2))),
    )
    assert back.retry is not None
    assert back.retry.backoff == Backoff(max=2.0)


def test_tenacity_in_code_stands_in_place_of_what_weaker_sources_say(file: Path) -> None:
    stop = tenacity.stop_after_attempt(2)
    settings = pay(file, {"MESHLIB_DEFAULTS__RETRY__ON": "[503]"}, Service(retry=Retry(stop=stop)))
    assert settings.retry is not None
    assert settings.retry.stop is stop
    assert not settings.is_set("retry", "max_attempts")
    assert settings.retry.on == (503,)


def test_what_was_set_and_what_was_not(file: Path) -> None:
    settings = pay(file, {})
    assert settings.is_set("retry", "backoff")
    assert settings.is_set("retry", "backoff", "jitter")
    assert not settings.is_set("retry", "backoff", "max")
    assert not settings.is_set("retry", "on")
    assert settings.configured("retry")
    assert settings.configured("breaker")
    assert not settings.configured("tracing")
    assert load(environ={}, services={"a": Service(tracing=Tracing())}).settings("a").configured("tracing")


def test_the_top_level(file: Path) -> None:
    assert load(environ={}).unconfigured == "safe"
    config = load(environ={"MESHLIB_CONFIG": str(file)})
    assert (config.unconfigured, config.unconfigured_origin) == ("mesh", f"{file}:1 (file)")
    environ = {"MESHLIB_CONFIG": str(file), "MESHLIB_UNCONFIGURED": "direct"}
    assert load(environ=environ).unconfigured == "direct"
    assert load(environ=environ, unconfigured="refuse").unconfigured == "refuse"
    assert list(config.services) == ["pay", "*.svc"]


def test_settings_are_made_once(file: Path) -> None:
    config = load(file=file, environ={})
    assert config.settings("pay") is config.settings("pay")
    assert config.settings(None) is config.settings(None)


@pytest.mark.parametrize(("text", "enabled"), [("0", False), ("false", False), ("1", True), ("", True), ("On", True)])
def test_the_switch(text: str, enabled: bool) -> None:
    assert load(environ={"MESHLIB_ENABLED": text}).enabled is enabled


def test_the_defaults_are_those_of_the_design() -> None:
    settings = load(environ={}).settings(None)
    assert repr(settings.retry) == (
        "Retry(max_attempts=3, backoff=Backoff(base=0.025, max=1.0, jitter='full'), "
        "budget=Budget(ratio=0.1, cap=10, floor=0.1), on=('connection', 'timeout', 429, 500, 502, 503, 504), "
        "buffer_body=65536, stop=None, wait=None, retry=None)"
    )
    assert settings.deadline == Deadline()
    assert settings.deadline.timeout is None
    assert settings.attempt is not None
    assert settings.attempt.timeout is None
    assert settings.wire.max_connections == 100


def test_the_switch_works_when_the_configuration_is_wrong() -> None:
    """MESHLIB_ENABLED=0 is pulled in an emergency, and a wrong configuration may be that: it only warns."""
    wrong = {"MESHLIB_SERVICES__X__RETRY__MAX_ATEMPTS": "3"}
    with pytest.raises(ConfigError):
        load(environ=wrong)
    with pytest.warns(UserWarning, match="max_atempts"):
        assert not load(environ={"MESHLIB_ENABLED": "0", **wrong}).enabled
