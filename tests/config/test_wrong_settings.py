"""Every wrong setting is refused before any request, with its path, its origin, its value and what is allowed."""

from pathlib import Path
from typing import Any

import pytest
import tenacity

from meshlib.config import Service, load
from meshlib.errors import ConfigError
from meshlib.layers.attempt.config import Attempt
from meshlib.layers.balance.config import Balance
from meshlib.layers.breaker.config import Breaker
from meshlib.layers.deadline.config import Deadline
from meshlib.layers.retry.config import Backoff, Budget, Retry
from meshlib.wire.config import Tls

S = "services.pay"
V = "MESHLIB_SERVICES__PAY__"

IN_FILE = {
    "unknown key": (
        "retry.max_atempts = 4",
        f'{S}.retry.max_atempts (F:2): unknown name "max_atempts"; did you mean max_attempts?',
    ),
    "unknown section": ("retyr.max_attempts = 4", f'{S}.retyr (F:2): unknown name "retyr"; did you mean retry?'),
    "section not built yet": (
        "hedge = { extra_load = 0.02 }",
        f"{S}.hedge (F:2): the section hedge is not built yet; known are",
    ),
    "wrong unit": (
        'attempt.timeout = "3 parsecs"',
        f'{S}.attempt.timeout = "3 parsecs" (F:2): has the unknown unit "parsecs"',
    ),
    "no duration": ('attempt.timeout = "soon"', f'{S}.attempt.timeout = "soon" (F:2): must be a duration'),
    "negative duration": ('deadline.timeout = "-1s"', f'{S}.deadline.timeout = "-1s" (F:2): must not be negative'),
    "zero timeout": ("deadline.timeout = 0", f"{S}.deadline.timeout = 0 (F:2): must be more than 0"),
    "infinite": ("deadline.timeout = inf", f"{S}.deadline.timeout = inf (F:2): must be finite"),
    "not a number": ("retry.backoff = nan", f"{S}.retry.backoff = nan (F:2): must be finite"),
    "out of range": ("retry.max_attempts = 0", f"{S}.retry.max_attempts = 0 (F:2): must be at least 1"),
    "share above one": ("retry.budget.ratio = 10", f"{S}.retry.budget.ratio = 10 (F:2): must be at most 1"),
    "text for a number": (
        'retry.max_attempts = "four"',
        f'{S}.retry.max_attempts = "four" (F:2): must be a whole number',
    ),
    "true for a number": ("retry.max_attempts = true", f"{S}.retry.max_attempts = true (F:2): must be a whole number"),
    "number for a section": ("retry = 3", f"{S}.retry = 3 (F:2): must be a table of settings, or false"),
    "true for a budget": ("retry.budget = true", f"{S}.retry.budget = true (F:2): must be false"),
    "unknown word": ('retry.on = ["sometimes"]', f"{S}.retry.on = ['sometimes'] (F:2): holds 'sometimes': allowed are"),
    "no error status": (
        "retry.on = [200]",
        f"{S}.retry.on = [200] (F:2): holds 200: allowed are HTTP statuses 400 to 599",
    ),
    "unknown jitter": ('retry.backoff.jitter = "ful"', "must be 'full', 'equal' or 'none'; did you mean full?"),
    "base over max": (
        'retry.backoff.base = "2s"',
        f"{S}.retry.backoff (F:2): base (2s) must not be longer than max (1s)",
    ),
    "policy not built yet": (
        'balance.policy = "maglev"',
        f'{S}.balance.policy = "maglev" (F:2): is not built yet: must be',
    ),
    "wire off": ("wire = false", f"{S}.wire = false (F:2): must be a table of settings"),
    "objects in text": (
        'retry.stop = "after 3"',
        f'{S}.retry.stop = "after 3" (F:2): holds an object, so it can be given in code only',
    ),
    "attempt over deadline": (
        'attempt.timeout = "2s"\ndeadline.timeout = 1',
        f'{S}.attempt.timeout = "2s" (F:2): must not be longer than {S}.deadline.timeout = 1 (F:3)',
    ),
    "unreadable certificate": (
        'tls.ca = "/nowhere/ca.pem"',
        f'{S}.tls.ca = "/nowhere/ca.pem" (F:2): cannot be read: No such file',
    ),
    "no certificate": (
        f'tls.ca = "{__file__}"',
        f"{S}.tls (F:2): cannot be used: [X509: NO_CERTIFICATE_OR_CRL_FOUND]",
    ),
    "open_min over open_max": (
        "breaker.open_max = 1",
        f"{S}.breaker (F:2): open_min (5s) must not be longer than open_max (1s)",
    ),
    "unknown scheme": (
        'discovery = "statik://a:1"',
        'has the unknown scheme "statik": must be static, system, dns; did you mean static?',
    ),
    "scheme not built yet": (
        'discovery = "consul://pay"',
        "the scheme consul is not built yet: must be static, system, dns",
    ),
    "several sources": (
        'discovery = ["dns://a", "dns://b"]',
        "is a list of several URLs, which is not built yet: give one",
    ),
    "port too high": ('discovery = "static://a:99999"', 'has the port "99999" in "a:99999": must be 1 to 65535'),
    "two sets": (
        'discovery = "static://a:1"\nendpoints = [{ address = "a:1" }]',
        "stands in place of discovery: give one of them",
    ),
    "weight": (
        'endpoints = [{ address = "a:1", weight = 2 }]',
        "endpoint 1 has weight, which is not built yet: only address is read",
    ),
    "URL for a host": ('hosts = ["http://a:1"]', f"{S}.hosts = ['http://a:1'] (F:2): has \"http://a:1\": must be host"),
    "section at the top": ("[retry]", 'retry (F:2): unknown name "retry"; did you mean defaults.retry?'),
    "two spellings": ("[services.PAY]", "services.PAY (F:2): the service pay stands twice here, in two spellings"),
    "wrong host": ('hosts = ["a b"]', f"{S}.hosts = ['a b'] (F:2): has \"a b\": must be host"),
    "pattern in hosts": ('hosts = ["*.b"]', 'has the pattern "*.b": only the key of a service may be a pattern'),
    "no balancing": ('discovery = "static://a:1"\nbalance = false', "cannot be off where pay has discovery"),
}


def problems(**sources: Any) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load(**{"environ": {}, **sources})
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


@pytest.mark.parametrize(("text", "expected"), IN_FILE.values(), ids=IN_FILE)
def test_a_wrong_setting_in_a_file(tmp_path: Path, text: str, expected: str) -> None:
    file = tmp_path / "meshlib.toml"
    file.write_text(f"[services.pay]\n{text}\n")
    (problem,) = problems(file=file)
    assert expected in problem.replace(str(file), "F")


IN_ENVIRONMENT = {
    "unknown variable": (
        "MESHLIB_CONFGI",
        "x",
        "MESHLIB_CONFGI (environment): unknown variable; did you mean MESHLIB_CONFIG?",
    ),
    "no name at all": (
        "MESHLIB_",
        "x",
        "MESHLIB_ (environment): unknown variable; known are MESHLIB_CONFIG, MESHLIB_ENAB",
    ),
    "nothing near": (
        "MESHLIB_X",
        "x",
        "MESHLIB_X (environment): unknown variable; known are MESHLIB_CONFIG, MESHLIB_EN",
    ),
    "no scope": ("MESHLIB_RETRY__MAX_ATTEMPTS", "3", "did you mean MESHLIB_DEFAULTS__RETRY__MAX_ATTEMPTS?"),
    "misspelt scope": (
        "MESHLIB_SERVICE__PAY__RETRY",
        "3",
        "unknown variable; did you mean MESHLIB_SERVICES__<SERVICE>__<SECTION>__<KEY>?",
    ),
    "too short": ("MESHLIB_SERVICES__PAY", "{}", "must be MESHLIB_SERVICES__<SERVICE>__<SECTION>__<KEY>"),
    "unknown section": (f"{V}RETYR__MAX_ATTEMPTS", "3", f"did you mean {V}RETRY__MAX_ATTEMPTS?"),
    "unknown key": (f"{V}RETRY__MAX_ATEMPTS", "3", f'unknown name "max_atempts"; did you mean {V}RETRY__MAX_ATTEMPTS?'),
    "one underscore too few": (
        f"{V}RETRY_MAX_ATTEMPTS",
        "3",
        f'unknown name "retry_max_attempts"; did you mean {V}RETRY__MAX_ATTEMPTS?',
    ),
    "one underscore too many": (
        "MESHLIB_SERVICES___PAY__RETRY",
        "false",
        "unknown variable; must be MESHLIB_SERVICES__",
    ),
    "unknown key in a table": (
        f"{V}RETRY",
        "{max_atempts = 3}",
        f'{V}RETRY: max_atempts (environment): unknown name "max_atempts"; did you mean max_attempts?',
    ),
    "out of range": (f"{V}RETRY__MAX_ATTEMPTS", "0", f"{V}RETRY__MAX_ATTEMPTS = 0 (environment): must be at least 1"),
    "out of range in a table": (
        f"{V}RETRY",
        '{"max_attempts": 0}',
        f"{V}RETRY: max_attempts = 0 (environment): must be at least 1",
    ),
    "broken table": (f"{V}RETRY", "{max_attempts = }", f"{V}RETRY (environment): is a broken table or list"),
    "unknown choice": ("MESHLIB_UNCONFIGURED", "meshy", "must be safe, mesh, direct, refuse; did you mean mesh?"),
    "no switch": ("MESHLIB_ENABLED", "perhaps", 'MESHLIB_ENABLED = "perhaps" (environment): must be 1 or 0'),
    "no file": (
        "MESHLIB_CONFIG",
        "/nowhere/m.toml",
        'MESHLIB_CONFIG = "/nowhere/m.toml" (environment): cannot be read: No such file or directory',
    ),
    "wrong kind of file": ("MESHLIB_CONFIG", "/nowhere/m.yaml", "must be a file that ends in .toml or .json"),
    "layer not built yet": (f"{V}LIMIT__MAX_IN_FLIGHT", "3", "the section limit is not built yet"),
    "discovery under the defaults": (
        "MESHLIB_DEFAULTS__DISCOVERY",
        "static://a:1",
        "discovery belongs to a service, not to the defaults",
    ),
}


@pytest.mark.parametrize(("name", "value", "expected"), IN_ENVIRONMENT.values(), ids=IN_ENVIRONMENT)
def test_a_wrong_variable(name: str, value: str, expected: str) -> None:
    (problem,) = problems(environ={name: value})
    assert expected in problem


IN_CODE = {
    "unknown key": (
        lambda: Retry(max_atempts=3),
        'Retry.max_atempts (code): unknown name "max_atempts"; did you mean max_attempts?',
    ),
    "out of range": (lambda: Retry(max_attempts=0), "Retry.max_attempts = 0 (code): must be at least 1"),
    "in a nested table": (lambda: Retry(budget={"ratio": 2}), "Retry.budget.ratio = 2 (code): must be at most 1"),
    "wrong type": (lambda: Retry(budget=7), "Retry.budget = 7 (code): must be false"),
    "stop beside max_attempts": (
        lambda: Retry(stop=tenacity.stop_after_attempt(3), max_attempts=3),
        "Retry (code): stop stands in place of max_attempts: give one of them",
    ),
    "wait beside backoff": (lambda: Retry(wait=tenacity.wait_fixed(1), backoff=1), "wait stands in place of backoff"),
    "retry beside on": (lambda: Retry(retry=tenacity.retry_always, on=[503]), "retry stands in place of on"),
    "a strategy's class": (lambda: Retry(stop=tenacity.stop_after_attempt), "is the class stop_after_attempt: call it"),
    "no strategy": (lambda: Retry(wait=3), "Retry.wait = 3 (code): must be a tenacity strategy"),
    "no listener": (lambda: Breaker(listeners=[print]), "must be a list of pybreaker.CircuitBreakerListener objects"),
    "no factory": (lambda: Breaker(factory=3), "must be a callable that returns a pybreaker.CircuitBreaker"),
    "budget": (lambda: Budget(cap=0), "Budget.cap = 0 (code): must be at least 1"),
    "backoff": (lambda: Backoff(base=3), "Backoff (code): base (3s) must not be longer than max (1s)"),
    "key without cert": (lambda: Tls(key=__file__), "Tls (code): key is given without cert"),
    "policy": (lambda: Balance(policy="round_robbin"), "did you mean round_robin?"),
    "subset": (lambda: Balance(subset=0), "Balance.subset = 0 (code): must be at least 1"),
    "unit": (lambda: Attempt(timeout="1 fortnight"), 'has the unknown unit "fortnight"'),
    "size": (lambda: Retry(buffer_body="64kb"), 'Retry.buffer_body = "64kb" (code): has the unknown unit "kb"'),
}


@pytest.mark.parametrize(("make", "expected"), IN_CODE.values(), ids=IN_CODE)
def test_a_wrong_section_in_code_is_refused_in_the_line_that_makes_it(make: Any, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make()
    (problem,) = caught.value.problems
    assert expected in problem


def test_a_wrong_service_in_code() -> None:
    """Service itself refuses nothing, so that its problems come together with those of other sources."""
    service = Service("static://a:1", retry={"max_atempts": 1}, hedge=True, deadline=Attempt(), hosts=3)  # type: ignore[arg-type]
    found = problems(services={"pay": service, "b c": Service(), "d": 3})
    assert len(found) == 6
    assert f'{S}.retry.max_atempts (code): unknown name "max_atempts"; did you mean max_attempts?' in found
    assert any(text.startswith(f"{S}.hedge (code): the section hedge is not built yet") for text in found)
    assert f"{S}.deadline = Attempt(timeout=None) (code): must be a table of settings, or false" in found
    assert f"{S}.hosts = 3 (code): must be a list of host names, each with or without a port" in found
    assert any(text.startswith('services."b c" (code): a service\'s name has "b c"') for text in found)
    assert "services.d = 3 (code): must be a table of settings" in found


def test_one_name_means_one_service() -> None:
    (problem,) = problems(services={"a": Service(hosts=["b:80", "c"]), "b:80": Service()})
    assert problem == "services.a.hosts = ['b:80', 'c'] (code): b:80 already means the service b:80"


def test_all_problems_of_all_sources_come_together_even_of_overridden_values(tmp_path: Path) -> None:
    file = tmp_path / "meshlib.toml"
    file.write_text('unconfigured = "sfae"\n[defaults.retry]\nmax_attempts = 0\n[srevices.pay]\n')
    environ = {"MESHLIB_CONFIG": str(file), f"{V}RETRY__MAX_ATTEMPTS": "-1", "MESHLIB_NONSENSE": ""}
    found = problems(environ=environ, services={"pay": Service("nope://x", retry=Retry(max_attempts=2))})
    assert [text.partition(" ")[0] for text in found] == [
        "MESHLIB_NONSENSE",
        "services.pay.discovery",
        "MESHLIB_SERVICES__PAY__RETRY__MAX_ATTEMPTS",
        "unconfigured",
        "srevices",
        "defaults.retry.max_attempts",
    ]


def test_a_conflict_that_another_source_settles_is_none(tmp_path: Path) -> None:
    """What holds between two fields is judged on what is merged."""
    file = tmp_path / "meshlib.json"
    file.write_text('{"services": {"pay": {"retry": {"backoff": {"base": 3}}, "attempt": {"timeout": "9s"}}}}')
    environ = {f"{V}RETRY__BACKOFF__MAX": "5s"}
    config = load(file=file, environ=environ, services={"pay": Service(deadline=Deadline(timeout=10.0))})
    assert config.settings("pay").retry == Retry(backoff=Backoff(base=3.0, max=5.0))
