"""`meshlib check`, as a person or a pipeline calls it."""

from pathlib import Path

import pytest

from meshlib.cli import main

FILE = """\
unconfigured = "direct"
[defaults]
tracing = false
[services.pay]
discovery = "static://10.0.0.1:80"
hosts = ["pay.internal"]
retry = { max_attempts = 4, backoff = "100ms" }
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "meshlib.toml"
    path.write_text(FILE)
    return path


def test_a_right_configuration_is_shown_with_origins(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MESHLIB_SERVICES__PAY__RETRY__MAX_ATTEMPTS", "5")
    assert main(["check", str(file)]) == 0
    lines = capsys.readouterr().out.replace(str(file), "F").splitlines()
    assert lines == [
        "unconfigured = direct  [F:1 (file)]",
        "",
        "[defaults]",
        "tracing = off  [F:3 (file)]",
        "",
        "[services.pay]",
        'discovery = "static://10.0.0.1:80"  [F:5 (file)]',
        "hosts = ['pay.internal']  [F:6 (file)]",
        "retry.max_attempts = 5  [MESHLIB_SERVICES__PAY__RETRY__MAX_ATTEMPTS (environment)]",
        "retry.backoff = 0.1  [F:7 (file)]",
        "tracing = off  [F:3 (file)]",
    ]


def test_all_adds_the_defaults(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--all", str(file)]) == 0
    assert "retry.budget.cap = 10  [default]" in capsys.readouterr().out.splitlines()


def test_the_file_of_the_environment(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MESHLIB_CONFIG", str(file))
    monkeypatch.setenv("MESHLIB_ENABLED", "0")
    assert main(["check"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("meshlib is switched off by MESHLIB_ENABLED")
    assert "[services.pay]" in out


def test_problems_are_listed_and_the_status_is_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "meshlib.toml"
    file.write_text("[defaults.retry]\nmax_attempts = 0\n")
    monkeypatch.setenv("MESHLIB_NONSENSE", "hunter2")
    assert main(["check", str(file)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("2 problems:\n  MESHLIB_NONSENSE (environment): unknown variable")
    assert "defaults.retry.max_attempts = 0" in captured.err
    assert "hunter2" not in captured.err


def test_an_unknown_command_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["chekc"])
    assert caught.value.code == 2
    assert "check" in capsys.readouterr().err


def test_without_a_command_the_commands_are_listed_with_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "explain  show what a request to a URL would go through" in capsys.readouterr().err
