"""The vendor's own SDK, unmodified, takes the simulator for a portal."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import pytest

from local.portal import Fault, Portal
from tests.sdk.conftest import ANN, BOB, NEW_HOST, Drive


@pytest.fixture
def run(drive: Drive) -> Drive:
    return functools.partial(drive, "drive_b24pysdk.py")


def answer(run: Drive, scenario: str, **inputs: Any) -> Any:
    return run(scenario, **inputs)["answer"]


def test_mute_and_unmute(run: Drive, portal: Portal) -> None:
    dialog = portal.add_private(ANN, BOB)
    assert answer(run, "mute", target={"chat_id": 1489}, flags=[True]) == {"results": [True], "operating": [0]}
    assert portal.muted_chats(ANN) == {1489}
    assert answer(run, "mute", target={"chat_id": 1489}, flags=[False, True, False])["results"] == [True] * 3
    assert portal.muted_chats(ANN) == set()
    answer(run, "mute", target={"dialog_id": "chat1502"}, flags=[True])
    answer(run, "mute", target={"dialog_id": str(BOB)}, flags=[True])
    assert portal.muted_chats(ANN) == {1502, dialog.id}
    assert [call.params.get("MUTE") for call in portal.calls_of("im.chat.mute")] == ["Y", "N", "Y", "N", "Y", "Y"]


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("stranger", ("BitrixAPIAccessError", "ACCESS_ERROR", 403)),
        ("no chat", ("BitrixAPIBadRequest", "CHAT_ID_EMPTY", 400)),
        ("deleted", ("BitrixAPIInvalidCredentials", "INVALID_CREDENTIALS", 401)),
        ("scope", ("BitrixAPIInsufficientScope", "insufficient_scope", 401)),
        ("operating", ("BitrixAPIOperationTimeLimit", "OPERATION_TIME_LIMIT", 429)),
        ("overload", ("BitrixAPIOverloadLimit", "OVERLOAD_LIMIT", 401)),
        ("gone", ("BitrixAPIPortalDeleted", "PORTAL_DELETED", 403)),
        ("html", ("BitrixResponseJSONDecodeError", None, 502)),
        ("reset", ("BitrixRequestError", None, None)),
    ],
)
def test_errors_are_what_the_sdk_knows(run: Drive, portal: Portal, case: str, expected: tuple[Any, ...]) -> None:
    target = {"chat_id": 0 if case == "no chat" else 1489}
    match case:
        case "stranger":
            portal.leave(ANN, 1489)
        case "deleted":
            portal.webhook_of(ANN).enabled = False
        case "scope":
            portal.webhook_of(ANN).scopes = frozenset({"crm"})
        case "operating":
            portal.limits.block_method(f"webhook of {ANN}", "im.chat.mute", portal.clock())
        case "overload":
            portal.limits.overloaded = True
        case "gone":
            portal.delete()
        case "html":
            portal.faults.add(Fault.html(502))
        case "reset":
            portal.faults.add(Fault.reset_before_effect())
    found = answer(run, "mute_error", target=target)
    assert (found["class"], found["code"], found["status"]) == expected
    assert portal.muted_chats(ANN) == set()


def test_more_than_fifty_in_batches(run: Drive, portal: Portal) -> None:
    chats = list(range(2000, 2120))
    for number in chats:
        portal.add_chat(number, members=(BOB,) if number == 2077 else (ANN,))
    found = answer(run, "batches", chats=chats)
    assert found["result"] == {f"c{n}": True for n in chats if n != 2077}
    assert {key: error["error"] for key, error in found["result_error"].items()} == {"c2077": "ACCESS_ERROR"}
    assert portal.muted_chats(ANN) == set(chats) - {2077}
    assert len(portal.calls_of("batch")) == 3
    assert len(portal.calls_of("im.chat.mute")) == 120


def test_a_batch_given_as_a_list(run: Drive, portal: Portal) -> None:
    found = answer(run, "batch_list", chats=[1489, 1502])
    assert (found["result"], found["result_error"]) == ([True, True], [])
    found = answer(run, "batch_list", chats=[9, 1502])
    assert found["result"] == {"1": True}
    assert found["result_error"][0]["error"] == "ACCESS_ERROR"
    assert portal.muted_chats(ANN) == {1489, 1502}


def test_recent_list_is_paged(run: Drive, portal: Portal) -> None:
    for number in range(30, 37):
        portal.add_chat(number, members=(ANN,))
    portal.add_chat(99, members=(ANN,), type="lines")
    portal.mute_by_hand(ANN, 33)
    found = dict(map(tuple, answer(run, "recent", limit=4)["found"]))
    assert found.keys() == {*range(30, 37), 1489, 1502}
    assert found[33] == {str(ANN): True}
    assert found[34] == []
    assert len(portal.calls_of("im.recent.list")) == 3


def test_small_methods(run: Drive, portal: Portal) -> None:
    portal.mute_by_hand(ANN, 1489)
    found = answer(run, "small")
    assert found["profile"]["ID"] == str(ANN)
    assert found["scope"] == ["im"]
    assert found["dialog"] == [ANN]


def test_a_503_is_retried(run: Drive, portal: Portal) -> None:
    ticks = itertools.count(portal.clock(), 0.3)
    portal.clock = lambda: next(ticks)
    portal.limits.fill(portal.clock())
    assert answer(run, "mute", target={"chat_id": 1489}, flags=[True])["results"] == [True]
    assert [(call.status, call.error) for call in portal.calls] == [(503, "QUERY_LIMIT_EXCEEDED"), (200, None)]


def test_an_expired_token_is_refreshed_once(run: Drive, portal: Portal, proxy: str) -> None:
    app = portal.oauth.add_app()
    pair = portal.oauth.issue(app, ANN)
    portal.oauth.expire(pair["access_token"])
    credentials = {"client_id": app.client_id, "client_secret": app.client_secret}
    found = run("mute", proxy=proxy, oauth=pair, app=credentials, target={"chat_id": 1489}, flags=[True, False, True])
    assert found["answer"]["results"] == [True, True, True]
    assert portal.is_muted(ANN, 1489)
    assert found["refresh_token"] != pair["refresh_token"]
    assert [(call.method, call.error) for call in portal.calls] == [
        ("im.chat.mute", "expired_token"),
        ("oauth.token", None),
        ("im.chat.mute", None),
        ("im.chat.mute", None),
        ("im.chat.mute", None),
    ]


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("used", ("BitrixOAuthInvalidGrant", "invalid_grant", 400)),
        ("secret", ("BitrixOauthWrongClient", "WRONG_CLIENT", 200)),
        ("uninstalled", ("BitrixOAuthNotInstalled", "NOT_INSTALLED", 400)),
    ],
)
def test_a_refused_refresh(run: Drive, portal: Portal, proxy: str, case: str, expected: tuple[Any, ...]) -> None:
    app = portal.oauth.add_app()
    pair = portal.oauth.issue(app, ANN)
    portal.oauth.expire()
    secret = "wrong" if case == "secret" else app.client_secret
    if case == "used":
        portal.oauth.forget_refresh_tokens()
    app.installed = case != "uninstalled"
    # an app that is gone is noticed by the token server first where the token is known to be old
    pair["expires"] = 0
    credentials = {"client_id": app.client_id, "client_secret": secret}
    found = answer(run, "mute_error", proxy=proxy, oauth=pair, app=credentials, target={"chat_id": 1489})
    assert (found["class"], found["code"], found["status"]) == expected
    assert portal.muted_chats(ANN) == set()


def test_a_renamed_portal_is_followed(run: Drive, portal: Portal, proxy: str) -> None:
    portal.faults.add(Fault.redirect(f"https://{NEW_HOST}{{path}}"), method="im.chat.mute")
    found = run("mute", proxy=proxy, target={"chat_id": 1489}, flags=[True])
    assert (found["answer"]["results"], found["domain"]) == ([True], NEW_HOST)
    assert portal.is_muted(ANN, 1489)
