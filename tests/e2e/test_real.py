"""`make real`: a dry run, a question, the work, and all as before at the end; here on the simulated portal."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chat_mute.quiet_hours import windows
from chat_mute.quiet_hours.policy import Policy
from local import real
from local.paths import ROOT
from local.real import Real, Refused, for_hours, run
from local.world import ANN
from tests.conftest import WEBHOOK_MARK
from tests.e2e.conftest import Service

EVE, FIRST, SECOND, HAND = 6061, 6101, 6102, 6103


@pytest.fixture(autouse=True)
def journals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(real, "JOURNALS", tmp_path)
    return tmp_path


@pytest.fixture
def asked() -> list[str]:
    return []


@pytest.fixture
def eve(service: Service, asked: list[str]) -> Real:
    """Somebody with two audible chats and one that is muted."""
    portal = service.portal
    if EVE not in portal.users:
        portal.add_user(EVE, "Eve")
        portal.add_webhook(EVE)
        for chat in (FIRST, SECOND, HAND):
            portal.add_chat(chat, title=f"Deal {chat}", members=[EVE])
        portal.mute_by_hand(EVE, HAND)
    service.stack.put_account("eve", {"webhook_url": service.stack.server.webhook_url(EVE)})

    def ask(question: str) -> bool:
        asked.append(question)
        return True

    return Real(service.stack, service.caller, "eve", ask)


def two_hours() -> dict[str, Any]:
    return for_hours(2, datetime.now(UTC))


def muted(service: Service) -> set[int]:
    return service.portal.muted_chats(EVE)


def test_all_chats_for_two_hours_until_it_is_ended(
    service: Service, eve: Real, journals: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    during = []

    def wait() -> bool:
        during.append((muted(service), [json.loads(path.read_text()) for path in journals.iterdir()]))
        return len(during) < 2

    assert run(eve, two_hours(), lambda _: True, wait) == 0
    journal = {"audible": [f"chat{chat}" for chat in (SECOND, FIRST)]}
    assert during == [({FIRST, SECOND, HAND}, [journal])] * 2
    assert muted(service) == {HAND}
    assert list(journals.iterdir()) == []
    assert service.call("GET", "/eve/quiet-hours").json() == {"policies": []}
    said = capsys.readouterr().out
    assert "Dry run: 2 chats would be muted" in said
    assert "1 are muted already and stay so" in said
    assert said.count("2 chats are muted by this; Ctrl-C") == 1, "told when it changes"
    assert "let go [####################]" in said
    assert "Everything is as it was before." in said


def test_interrupted_in_the_middle_of_the_work_it_lets_go_and_says_so(
    service: Service, eve: Real, capsys: pytest.CaptureFixture[str]
) -> None:
    def wait() -> bool:
        assert muted(service) == {FIRST, SECOND, HAND}
        raise KeyboardInterrupt

    assert run(eve, two_hours(), lambda _: True, wait) == 0
    assert muted(service) == {HAND}
    assert "Everything is as it was before." in capsys.readouterr().out


@pytest.mark.parametrize("hours", range(1, 25))
@pytest.mark.parametrize("hour", [0, 12, 23])
def test_so_many_hours_as_a_policy(hours: int, hour: int) -> None:
    now = datetime(2026, 12, 31, hour, 30, 12, tzinfo=UTC)
    policy = Policy.parse("real", for_hours(hours, now))
    (window,) = windows.quiet_times([policy], now - timedelta(days=1), now + timedelta(days=2))
    assert window.start <= now < window.start + timedelta(minutes=1)
    assert window.end - window.start == timedelta(hours=hours, minutes=-(hours == 24))


def test_nothing_changes_without_a_yes(service: Service, eve: Real, capsys: pytest.CaptureFixture[str]) -> None:
    before = len(service.portal.calls_of("im.chat.mute"))
    night = json.loads((ROOT / "docs/examples/night.json").read_text())
    assert run(eve, night, lambda _: False, lambda: pytest.fail("it went on")) == 0
    assert len(service.portal.calls_of("im.chat.mute")) == before
    assert service.call("GET", "/eve/quiet-hours").json() == {"policies": []}
    said = capsys.readouterr().out
    assert "quiet 20" in said
    assert said.endswith("Nothing was changed.\n")


def test_what_a_run_that_was_killed_left_muted_is_put_right(
    service: Service, eve: Real, asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    journal = eve.connect()
    eve.remember(journal)
    eve.begin(two_hours())
    eve.minute()
    assert muted(service) == {FIRST, SECOND, HAND}
    eve.mend(journal)
    assert asked == ["Unmute them?"]
    assert muted(service) == {HAND}
    assert not journal.exists()
    assert f"chat{FIRST}" in capsys.readouterr().out


def test_a_policy_without_chats_is_refused_by_name(eve: Real) -> None:
    with pytest.raises(Refused, match=r"INVALID_POLICY: chats"):
        eve.dry_run({"timezone": "UTC"})


def test_a_webhook_that_is_not_let_in_is_told(service: Service) -> None:
    url = service.stack.server.webhook_url(ANN)
    service.stack.put_account("stranger", {"webhook_url": url[:-6] + "wrong/"})
    with pytest.raises(Refused, match="INVALID_CREDENTIALS"):
        Real(service.stack, service.caller, "stranger", lambda _: True).connect()


def test_the_command_line_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        real.main(["--help"])
    assert ended.value.code == 0
    assert "docs/examples/night.json" in capsys.readouterr().out


def test_a_portal_that_is_not_there_is_told_without_the_webhook(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WEBHOOK", f"https://127.0.0.1:9/rest/1/{WEBHOOK_MARK}/")
    assert real.main(["--hours", "1", "--yes"]) == 1
    said = capsys.readouterr().out
    assert "PORTAL_UNREACHABLE" in said
    assert WEBHOOK_MARK not in said
