"""What a variable turns into."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshlib.config import load
from meshlib.config.source_environment import parse_text
from meshlib.layers.balance.config import Balance
from meshlib.layers.breaker.config import Breaker
from meshlib.layers.retry.config import Backoff, Budget, Retry
from meshlib.layers.tracing.config import Tracing

V = "MESHLIB_SERVICES__PAYMENT_SERVICE__"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("4", 4),
        ("0.5", 0.5),
        ("true", True),
        ("100ms", "100ms"),
        ('"100ms"', "100ms"),
        ("[500, 'timeout']", [500, "timeout"]),
        ("{a = 1}", {"a": 1}),
        ('{"a": 1}', {"a": 1}),
        ("static://a:1,b:2", "static://a:1,b:2"),
        ("2026-01-01", "2026-01-01"),
        ("4\nb = 1", "4\nb = 1"),
        ("/run/ca.pem", "/run/ca.pem"),
    ],
)
def test_text_is_a_value_in_toml_or_json_else_itself(text: str, value: object) -> None:
    assert parse_text(text) == value


def test_a_service_of_the_environment_alone() -> None:
    config = load(
        environ={
            f"{V}DISCOVERY": "static://10.0.0.1:8080,10.0.0.2:8080",
            f"{V}HOSTS": "pay.internal, pay:8443",
            f"{V}RETRY": '{max_attempts = 4, backoff = "100ms"}',
            f"{V}RETRY__BUDGET__CAP": "7",
            f"{V}BREAKER__ENFORCE": "0",
            f"{V}TRACING": "false",
            "MESHLIB_DEFAULTS__BALANCE": '{"policy": "random", "subset": false}',
            "PATH": "/bin",
        }
    )
    settings = config.settings("payment-service")
    assert settings.retry == Retry(max_attempts=4, backoff=0.1, budget=Budget(cap=7))
    assert settings.breaker == Breaker(enforce=False)
    assert settings.tracing is None
    assert settings.balance == Balance(policy="random", subset=False)
    assert [str(address) for address in settings.discovery.addresses] == ["10.0.0.1:8080", "10.0.0.2:8080"]
    assert config.match("pay.internal", 80) == config.match("pay", 8443) == "payment-service"
    assert config.match("pay", 80) is None


def test_the_variable_that_names_a_key_more_closely_wins() -> None:
    environ = {f"{V}RETRY__MAX_ATTEMPTS": "5", f"{V}RETRY": "{max_attempts = 4, on = [503]}"}
    settings = load(environ=environ).settings("payment-service")
    assert settings.retry == Retry(max_attempts=5, on=(503,))
    assert settings.origin("retry", "max_attempts") == f"{V}RETRY__MAX_ATTEMPTS (environment)"
    assert settings.origin("retry", "on") == f"{V}RETRY (environment)"


def test_an_empty_variable_is_not_set() -> None:
    config = load(environ={f"{V}RETRY__MAX_ATTEMPTS": "", "MESHLIB_CONFIG": " ", "MESHLIB_UNCONFIGURED": ""})
    assert not config.services
    assert config.unconfigured == "safe"


def test_endpoints_as_tables_are_the_same_as_a_static_url() -> None:
    tables = load(environ={f"{V}ENDPOINTS": '[{address = "10.0.0.1:80"}, {address = "[::1]:81"}]'})
    url = load(environ={f"{V}DISCOVERY": "static://10.0.0.1:80,[::1]:81"})
    key = "payment-service"
    assert tables.settings(key).discovery == url.settings(key).discovery


def test_call_span() -> None:
    config = load(environ={"MESHLIB_DEFAULTS__TRACING__CALL_SPAN": "1"})
    assert config.settings(None).tracing == Tracing(call_span=True)


seconds = st.integers(1, 10**6).map(lambda n: n / 1000)
retries = st.builds(
    lambda fields: Retry(**fields),
    st.fixed_dictionaries(
        {},
        optional={
            "max_attempts": st.integers(1, 99),
            "backoff": seconds | st.builds(lambda base: Backoff(base=base, max=base + 1, jitter="equal"), seconds),
            "budget": st.just(False)
            | st.builds(lambda r, c: Budget(ratio=r, cap=c), st.floats(0, 1), st.integers(1, 50)),
            "on": st.lists(st.sampled_from(["connection", "timeout", 429, 503]), unique=True).map(tuple),
            "buffer_body": st.integers(0, 10**9),
        },
    ),
)


def variables(prefix: str, value: object) -> dict[str, str]:
    """One variable per key, as a person would write them."""
    if isinstance(value, dict):
        return {n: t for key, item in value.items() for n, t in variables(f"{prefix}__{key.upper()}", item).items()}
    if isinstance(value, tuple):
        return {prefix: str(list(value))}
    return {prefix: str(value).lower() if isinstance(value, bool) else str(value)}


@given(retries)
def test_what_code_says_can_be_said_in_variables(retry: Retry) -> None:
    """The round trip keeps values and what was set, for every mixture of fields."""
    environ = variables("MESHLIB_SERVICES__PAY__RETRY", retry.model_dump(exclude_unset=True))
    environ.setdefault("MESHLIB_SERVICES__PAY__TRACING", "true")
    assert load(environ=environ).settings("pay").retry == retry
