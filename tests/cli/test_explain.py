"""`meshlib explain URL` shows what this environment makes of it; mesh.explain itself is tested with the mesh."""

import pytest

from meshlib.cli import main

ORIGIN = "MESHLIB_SERVICES__PAY__RETRY__MAX_ATTEMPTS"


def test_values_of_the_environment_are_shown_with_their_origin(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MESHLIB_SERVICES__PAY__DISCOVERY", "static://127.0.0.1:9")
    monkeypatch.setenv(ORIGIN, "4")
    assert main(["explain", "http://pay/charge"]) == 0
    out = capsys.readouterr().out
    assert f"max_attempts = 4  [{ORIGIN} (environment)]" in out
    assert "127.0.0.1:9" in out


def test_a_wrong_configuration_is_told_with_status_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MESHLIB_NONSENSE", "1")
    assert main(["explain", "http://pay/charge"]) == 1
    assert "MESHLIB_NONSENSE (environment): unknown variable" in capsys.readouterr().err


@pytest.mark.parametrize(
    "url", ["pay/charge", "ftp://pay", "http://", "http://pay:abc/", "http://[::1/", "", "http://a\n"]
)
def test_what_is_no_url_of_ours_is_refused(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["explain", url])
    assert caught.value.code == 2
    assert "meshlib explain: error: must be a whole URL" in capsys.readouterr().err


def test_a_url_may_be_in_capitals(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "HTTP://PAY/"]) == 0
    assert capsys.readouterr().out.startswith("http://pay/\n")
