"""Whoever uses httpx, httpx2 or its instrumentation keeps what they have: their own suites pass with our clients."""

from collections.abc import Callable
from importlib import metadata

import pytest
from tests.suites.run import Results
from tests.suites.suite import Suite, load

Outcomes = Callable[[str, str], tuple[Results, Results]]
WAYS = ("in_place", "wrapped")


@pytest.mark.suite
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("suite", load(), ids=lambda s: s.name)
def test_a_suite_fails_with_our_clients_only_where_explained(suite: Suite, way: str, outcomes: Outcomes) -> None:
    assert metadata.version(suite.distribution) == suite.version, "suites.toml is of another version than is installed"
    before, after = outcomes(suite.name, way)

    assert after.made, "the suite made none of our clients: the comparison would be empty"
    assert not set(before.tests) - set(after.tests), "tests that no longer run"

    explained, flaky = suite.explained("failure", way), suite.explained("flaky", way)
    new = after.failed() - before.failed() - flaky.keys()
    unexplained = {test: after.tests[test]["why"] for test in sorted(new - explained.keys())}
    assert not unexplained, "\n".join(f"{test}\n{why}" for test, why in unexplained.items())[:20000]
    assert not explained.keys() - new, "explained failures that pass again: take them out of the exceptions file"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("suite", load(), ids=lambda s: s.name)
def test_an_explanation_has_a_reason_and_names_one_test(suite: Suite, way: str) -> None:
    for test, reason in (suite.explained("failure", way) | suite.explained("flaky", way)).items():
        assert "::" in test
        assert len(reason) > 20
