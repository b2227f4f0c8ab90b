"""What somebody at a terminal gets wrong is answered by a sentence, and nothing is started."""

import json
from pathlib import Path
from types import ModuleType

import pytest

from local import invoke, real, serve
from local.ops import offboard, preflight, release_all, remove, restore

HOOK = "https://portal.example/rest/1/code/"


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE", "WEBHOOK"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))


@pytest.mark.parametrize(("name", "why"), [("none.json", "No such file"), (".", "directory"), ("text", "not JSON")])
def test_a_file_that_cannot_be_read_is_named(
    name: str, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text").write_text("# no JSON")
    path = str(tmp_path / name)
    assert real.main(["--policy", path]) == 1
    assert invoke.main([path]) == 2
    for line in capsys.readouterr().out.splitlines():
        assert line.startswith(f"{path}: ")
        assert why in line


def test_a_policy_is_an_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "list.json"
    path.write_text(json.dumps([1]))
    assert real.main(["--policy", str(path)]) == 1
    assert "docs/examples/night.json" in capsys.readouterr().out


@pytest.mark.parametrize("hours", ["0", "25", "2.5", "two"])
def test_hours_are_from_one_to_24(hours: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        real.main(["--hours", hours])
    said = capsys.readouterr().err
    assert "usage: make real POLICY=docs/examples/night.json, or make real HOURS=2" in said
    assert f"{hours}: a whole number from 1 to 24" in said


@pytest.mark.parametrize("webhook", ["hello", "http://portal.example/rest/1/code/", f"{HOOK}im.chat.mute.json"])
def test_what_is_no_webhook_is_said_without_it(
    webhook: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WEBHOOK", webhook)
    assert real.main(["--hours", "1"]) == 1
    assert serve.main() == 1
    told = capsys.readouterr()
    said = told.out
    assert said == told.err
    assert "https://PORTAL/rest/USER_ID/CODE/" in said
    assert webhook not in said


@pytest.mark.parametrize("ended", [EOFError, KeyboardInterrupt])
def test_who_gives_no_answer_has_said_no(ended: type[BaseException], monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(_prompt: str) -> str:
        raise ended

    monkeypatch.setattr("getpass.getpass", nothing)
    assert real.main(["--hours", "1"]) == 1
    monkeypatch.setattr("builtins.input", nothing)
    assert not real._yes("Go on?")


@pytest.mark.parametrize(
    ("command", "usage", "given"),
    [
        (release_all, "make release-all STACK=...", ["quiet-hours"]),
        (offboard, "make offboard STACK=... ACCOUNT=...", ["quiet-hours", "default"]),
        (remove, "make remove STACK=... CONFIRM=...", ["quiet-hours"]),
        (restore, "make restore STACK=... FROM=...", ["quiet-hours", "restored"]),
    ],
)
def test_an_operators_command_says_what_is_missing(
    command: ModuleType, usage: str, given: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    main = command.main
    with pytest.raises(SystemExit):
        main([])
    said = capsys.readouterr().err
    assert f"usage: {usage}\n" in said
    assert "required: STACK" in said
    assert main(given) == 1
    assert "AWS_DEFAULT_REGION" in capsys.readouterr().err


def test_a_profile_that_is_not_there_is_a_finding(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert preflight.main([]) == 1
    assert "  no  The config profile (nobody) could not be found" in capsys.readouterr().out
