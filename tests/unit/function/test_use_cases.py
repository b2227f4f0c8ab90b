"""Muting one chat and checking an account, with real clients in front of portals that answer as written."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from bitrix24 import errors as portal
from chat_mute.account_check import AccountCheck
from chat_mute.errors import AccountNotFound
from chat_mute.muting import Muting
from chat_mute.observability import Telemetry
from chat_mute.request import MuteRequest
from tests.unit.function.doubles import (
    CODE,
    OTHER_CODE,
    OTHER_URL,
    SECRETS,
    FakeSecrets,
    Portals,
    secret,
    state,
    success,
    tables,
)
from tests.unit.layer.doubles import START, Step, refusal, reply

Lines = Callable[[], list[dict[str, Any]]]
Counts = Callable[[], dict[str, int]]
CHAT = MuteRequest(42, None, muted=True, reason="lunch")
GROUP = MuteRequest(None, "sg7", muted=False, reason=None)


def mute(telemetry: Telemetry, request: MuteRequest, *steps: Step, account: str = "default") -> tuple[Any, Portals]:
    portals = Portals(FakeSecrets(default=secret()), *steps)
    muting = Muting(portals.accounts, state(tables()), telemetry)
    return muting.mute(account, request, by="caller:ci", now=START, time_left=lambda: 10.0), portals


# ---- muting ---------------------------------------------------------------------------------------------------------


def test_the_portal_is_asked_once_with_the_id_as_given(telemetry: Telemetry) -> None:
    for request, body in ((CHAT, {"CHAT_ID": 42, "MUTE": "Y"}), (GROUP, {"DIALOG_ID": "sg7", "MUTE": "N"})):
        _, portals = mute(telemetry, request, success())
        assert portals.bodies == [body], "and the reason stays with us"


def test_the_answer_is_bitrix24s_own(telemetry: Telemetry) -> None:
    assert mute(telemetry, CHAT, success(time={"start": 1.5}))[0] == {"result": True, "time": {"start": 1.5}}
    assert mute(telemetry, CHAT, success())[0] == {"result": True}
    assert mute(telemetry, CHAT, success(time=[]))[0] == {"result": True}


def test_a_success_is_one_line_and_one_count(telemetry: Telemetry, lines: Lines, counts: Counts) -> None:
    mute(telemetry, CHAT, success())
    mute(telemetry, GROUP, success())
    first, second = lines()
    assert {
        name: first[name] for name in ("level", "message", "account", "chat", "mute", "because", "by", "outcome")
    } == {
        "level": "INFO",
        "message": "chat set",
        "account": "default",
        "chat": "chat42",
        "mute": "Y",
        "because": "explicit_mute",
        "by": "caller:ci",
        "outcome": "ok",
    }
    assert (second["chat"], second["mute"]) == ("sg7", "N")
    assert counts() == {
        "ChatMuted": 1,
        "ChatMuted.explicit_mute": 1,
        "ChatUnmuted": 1,
        "ChatUnmuted.explicit_unmute": 1,
    }
    assert not any(text in json.dumps([first, second]) for text in (*SECRETS, "lunch"))


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [
        (success(False), portal.AccessRefused, "ACCESS_ERROR"),
        (refusal("ACCESS_ERROR", 403), portal.AccessRefused, "ACCESS_ERROR"),
        (refusal("CHAT_ID_EMPTY"), portal.InvalidChatId, "CHAT_ID_EMPTY"),
        (refusal("INVALID_CREDENTIALS", 401), portal.CredentialError, "INVALID_CREDENTIALS"),
        (refusal("OVERLOAD_LIMIT", 503), portal.Paused, "OVERLOAD_LIMIT"),
        (success(None), portal.UnexpectedAnswer, "ERROR_UNEXPECTED_ANSWER"),
        (portal.PortalTimeout(), portal.PortalTimeout, "PORTAL_TIMEOUT"),
    ],
)
def test_a_failure_is_raised_with_one_line_and_one_count(  # noqa: PLR0917  fixtures and a table's row
    telemetry: Telemetry, lines: Lines, counts: Counts, answer: Any, error: type[Exception], code: str
) -> None:
    with pytest.raises(error):
        mute(telemetry, CHAT, answer)
    (line,) = lines()
    assert (line["level"], line["message"], line["outcome"], line["chat"]) == (
        "WARNING",
        "chat not set",
        code,
        "chat42",
    )
    of_the_caller = code in {"ACCESS_ERROR", "CHAT_ID_EMPTY", "DIALOG_ID_EMPTY"}
    assert counts() == {"MuteRefused" if of_the_caller else "MuteFailed": 1}


def test_an_account_that_is_not_there_is_not_found(telemetry: Telemetry, counts: Counts) -> None:
    with pytest.raises(AccountNotFound):
        mute(telemetry, CHAT, success(), account="none")
    assert counts() == {}


# ---- the account ----------------------------------------------------------------------------------------------------


def check(telemetry: Telemetry, *steps: Step, content: Any = None, account: str = "default") -> dict[str, Any]:
    portals = Portals(FakeSecrets(default=secret() if content is None else content), *steps)
    checked = AccountCheck(portals.accounts, telemetry).check(account, now=START, time_left=lambda: 10.0)
    assert not any(code in json.dumps(checked) for code in SECRETS)
    return checked


def test_a_usable_account_says_whose_it_is(telemetry: Telemetry, lines: Lines) -> None:
    assert check(telemetry, success({"ID": "503"}), success(["im", "user_brief"])) == {
        "account": "default",
        "auth": "webhook",
        "portal": "portal.example",
        "user_id": 503,
        "usable": True,
        "error": None,
        "checked_at": "2026-03-03T12:00:00Z",
    }
    assert lines() == []


def test_an_account_that_acts_for_somebody_else_is_not_usable(telemetry: Telemetry) -> None:
    checked = check(telemetry, success({"ID": "1"}), success(["im"]))
    assert (checked["usable"], checked["error"], checked["user_id"]) == (False, "USER_CHANGED", 503)


def test_an_account_without_the_scope_is_not_usable(telemetry: Telemetry) -> None:
    checked = check(telemetry, success({"ID": "503"}), success(["user_brief", "imopenlines"]))
    assert (checked["usable"], checked["error"]) == (False, "insufficient_scope")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refusal("INVALID_CREDENTIALS", 401), "INVALID_CREDENTIALS"),
        (refusal("ACCESS_DENIED", 401), "ACCESS_DENIED"),
        (refusal("PORTAL_DELETED", 403), "PORTAL_DELETED"),
        (refusal("OVERLOAD_LIMIT", 503), "OVERLOAD_LIMIT"),
        (portal.PortalTimeout(), "PORTAL_TIMEOUT"),
        (reply(302, b""), "PORTAL_MOVED"),
        (success({}), "ERROR_UNEXPECTED_ANSWER"),
    ],
)
def test_what_is_wrong_with_an_account_is_a_code_in_the_answer(
    telemetry: Telemetry, lines: Lines, answer: Any, error: str
) -> None:
    checked = check(telemetry, answer)
    assert (checked["usable"], checked["error"]) == (False, error)
    assert (checked["auth"], checked["portal"], checked["user_id"]) == ("webhook", "portal.example", 503)
    (line,) = lines()
    assert (line["level"], line["account"], line["outcome"]) == ("WARNING", "default", error)


def test_a_secret_that_is_none_says_nothing_of_a_portal(telemetry: Telemetry) -> None:
    checked = check(telemetry, success(), content=f"https://portal.example/rest/503/{CODE}/")
    assert (checked["usable"], checked["error"]) == (False, "INVALID_CREDENTIALS")
    assert (checked["auth"], checked["portal"], checked["user_id"]) == (None, None, None)


def test_a_missing_account_is_not_found(telemetry: Telemetry) -> None:
    with pytest.raises(AccountNotFound):
        check(telemetry, success(), account="none")


def test_a_secret_replaced_meanwhile_is_checked_instead(telemetry: Telemetry) -> None:
    secrets = FakeSecrets(default=secret())
    portals = Portals(secrets, refusal("INVALID_CREDENTIALS", 401), success({"ID": "503"}), success(["im"]))
    portals.secrets.read("default")
    secrets.put("default", secret(OTHER_URL))
    checked = AccountCheck(portals.accounts, telemetry).check("default", now=START, time_left=lambda: 10.0)
    assert checked["usable"] is True
    assert portals.codes == [CODE, OTHER_CODE, OTHER_CODE]
