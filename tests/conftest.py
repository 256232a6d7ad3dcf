"""What holds for every test: a clean environment, one seed for all randomness, and no test left out unseen."""

import os
import random
from collections.abc import Iterator

import hypothesis
import pytest

SEED = int(os.environ.get("TEST_SEED") or random.SystemRandom().randrange(2**32))
SERVERS = bool(os.environ.get("TEST_SERVERS"))
SERVER_FIXTURES = {"knot", "nginx"}  # of tests/real/conftest.py: each starts a real server

for _name in [n for n in os.environ if n.startswith("MESHLIB_") or n.lower().endswith("_proxy")]:
    del os.environ[_name]  # the machine's proxies and settings are not the test's

hypothesis.settings.register_profile("meshlib", deadline=None, print_blob=True, database=None)
hypothesis.settings.load_profile("meshlib")  # shared machines: time is judged by realtime tests only

_left_out: set[str] = set()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Hypothesis draws from the same seed as everything else."""
    if config.getoption("hypothesis_seed", None) is None:
        config.option.hypothesis_seed = str(SEED)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without TEST_SERVERS the tests on real servers are left out, and named at the end."""
    if SERVERS:
        return
    out = [i for i in items if SERVER_FIXTURES & set(getattr(i, "fixturenames", ()))]
    _left_out.update(i.nodeid.split("[")[0] for i in out)
    config.hook.pytest_deselected(items=out)
    items[:] = [i for i in items if i not in out]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """With TEST_SERVERS, in CI, a skipped test is a failed one: nothing may be left out there."""
    report = yield
    if SERVERS and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome, report.longrepr = "failed", f"skipped although TEST_SERVERS is set: {report.longrepr}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line(f"seed {SEED} (TEST_SEED={SEED} repeats this run)")
    if _left_out:
        terminalreporter.write_line(f"left out, TEST_SERVERS=1 runs them: {', '.join(sorted(_left_out))}")


@pytest.fixture(autouse=True)
def _seeded(request: pytest.FixtureRequest) -> None:
    """Each test gets its own numbers, whatever ran before it."""
    random.seed(f"{SEED}:{request.node.nodeid}")


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> random.Random:
    """The seeded source to hand to code that takes an `rng`."""
    return random.Random(f"{SEED}:{request.node.nodeid}")
