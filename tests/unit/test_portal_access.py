"""Who gets in: paths, webhooks, scopes, tokens, the states of a portal, and what the journal keeps."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.portal import Portal, Request, dispatch
from tests.unit.portal_calls import ANN, BOB, Clock, call, new_portal, refusal, result, send


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def portal(clock: Clock) -> Portal:
    return new_portal(clock=clock)


def get(portal: Portal, path: str, query: str = "", headers: dict[str, str] | None = None) -> tuple[int, Any]:
    answer = dispatch(portal, Request("GET", path, query, headers or {}))
    return answer.status, json.loads(answer.body)


# --- paths -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["profile", "PROFILE", "profile.json", "profile/"])
def test_webhook_paths(portal: Portal, method: str) -> None:
    status, answer = get(portal, f"/rest/{ANN}/s3cr3tcode/{method}")
    assert (status, answer["result"]["ID"]) == (200, "503")


@pytest.mark.parametrize(
    "path",
    [
        "/rest/s3cr3tcode/profile",
        f"/rest/{ANN}/s3cr3tcode/no.such",
        "/rest/no.such",
        "/rest/nosuch",
        "/",
        f"/rest/{ANN}/bad/no.such",
    ],
)
def test_not_found(portal: Portal, path: str) -> None:
    assert get(portal, path) == (
        404,
        {"error": "ERROR_METHOD_NOT_FOUND", "error_description": "Method not found!"},
    )


@pytest.mark.parametrize("path", ["/rest/api/503/s3cr3tcode/im.chat.mute", "/rest/api/x", "/rest/api/"])
def test_rest_3_answers_an_error_object(portal: Portal, path: str) -> None:
    status, answer = get(portal, path)
    assert status == 404
    assert answer["error"]["code"].startswith("BITRIX_REST_V3_EXCEPTION_")


# --- webhooks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [f"/rest/{ANN}/wrong/profile", f"/rest/{BOB}/s3cr3tcode/profile"])
def test_a_wrong_code_or_user_id(portal: Portal, path: str) -> None:
    status, answer = get(portal, path)
    assert (status, answer["error"]) == (401, "INVALID_CREDENTIALS")
    assert "time" not in answer


def test_the_docs_say_other_statuses(portal: Portal) -> None:
    portal.quirks.auth_status = "docs"
    assert get(portal, f"/rest/{ANN}/wrong/profile")[0] == 403
    portal.webhook_of(ANN).scopes = frozenset({"user"})
    assert refusal(portal, "im.chat.mute", {"CHAT_ID": 1489}) == (403, "insufficient_scope")


def test_disabled_expired_deleted(portal: Portal, clock: Clock) -> None:
    webhook = portal.webhook_of(ANN)
    webhook.enabled = False
    assert refusal(portal, "profile") == (401, "INVALID_CREDENTIALS")
    webhook.enabled, webhook.expires_at = True, clock() + 60
    assert send(portal, "profile").status == 200
    clock.forward(60)
    assert refusal(portal, "profile") == (401, "INVALID_CREDENTIALS")
    webhook.expires_at = None
    portal.delete_webhook(ANN)
    assert get(portal, f"/rest/{ANN}/s3cr3tcode/profile")[1]["error"] == "INVALID_CREDENTIALS"
    with pytest.raises(LookupError):
        portal.webhook_of(ANN)


def test_a_dismissed_owner(portal: Portal) -> None:
    portal.deactivate_user(ANN)
    assert refusal(portal, "profile") == (401, "authorization_error")


def test_an_admin_edits_a_webhook(portal: Portal) -> None:
    new = portal.admin_edits_webhook(ANN, BOB)
    assert get(portal, f"/rest/{ANN}/s3cr3tcode/profile")[1]["error"] == "INVALID_CREDENTIALS"
    assert new.code != "s3cr3tcode"
    result(portal, "im.chat.mute", {"CHAT_ID": 1489}, user_id=BOB)
    assert portal.is_muted(BOB, 1489)
    assert not portal.is_muted(ANN, 1489)


def test_the_owner_behind_the_url_can_change(portal: Portal) -> None:
    portal.change_webhook_owner(ANN, BOB)
    assert result(portal, "profile")["ID"] == str(BOB)
    result(portal, "im.chat.mute", {"CHAT_ID": 1489})
    assert portal.muted_chats(ANN) == set()
    assert portal.muted_chats(BOB) == {1489}


def test_https_is_required_for_webhooks(portal: Portal) -> None:
    request = Request("GET", f"/rest/{ANN}/s3cr3tcode/profile", secure=False)
    answer = dispatch(portal, request)
    assert (answer.status, json.loads(answer.body)) == (
        400,
        {"error": "INVALID_REQUEST", "error_description": "Https required."},
    )
    portal.quirks.https_required = False
    assert dispatch(portal, request).status == 200


# --- scopes and small methods ----------------------------------------------------------------------------------------


def test_scopes(portal: Portal) -> None:
    portal.webhook_of(ANN).scopes = frozenset({"crm"})
    assert refusal(portal, "im.chat.mute", {"CHAT_ID": 1489}) == (401, "insufficient_scope")
    assert refusal(portal, "user.current") == (401, "insufficient_scope")
    assert result(portal, "scope") == ["crm"]
    assert "im" in result(portal, "scope", {"FULL": True})
    assert result(portal, "profile")["ID"] == "503"
    assert result(portal, "batch", {"cmd": {"a": "profile"}})["result"]["a"]["ID"] == "503"
    assert not portal.is_muted(ANN, 1489)


def test_method_get(portal: Portal) -> None:
    assert result(portal, "method.get", {"name": "im.chat.mute"}) == {"isExisting": True, "isAvailable": True}
    assert result(portal, "method.get", {"name": "user.current"}) == {"isExisting": True, "isAvailable": False}
    assert result(portal, "method.get", {"name": "im.v2.Chat.mute"}) == {"isExisting": False, "isAvailable": False}


def test_methods(portal: Portal) -> None:
    mine, every = result(portal, "methods"), result(portal, "methods", {"FULL": 1})
    assert "im.chat.mute" in mine
    assert "user.current" not in mine
    assert set(mine) < set(every)


def test_user_current_and_server_time(portal: Portal) -> None:
    portal.webhook_of(ANN).scopes = frozenset({"user"})
    assert result(portal, "user.current")["ID"] == "503"
    assert result(portal, "user.current")["LAST_NAME"] == "Lee"
    assert result(portal, "server.time") == "2026-03-03T12:34:57+00:00"


# --- states of the portal --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "expected"), [("server", 401), ("docs", 403)])
def test_without_a_subscription(portal: Portal, status: Any, expected: int) -> None:
    portal.quirks.auth_status = status
    portal.paid = False
    assert refusal(portal, "profile") == (expected, "ACCESS_DENIED")


@pytest.mark.parametrize(("status", "expected"), [("server", 403), ("docs", 500)])
def test_deleted(portal: Portal, status: Any, expected: int) -> None:
    portal.quirks.auth_status = status
    portal.delete()
    assert refusal(portal, "profile") == (expected, "PORTAL_DELETED")


def test_renamed(portal: Portal) -> None:
    portal.rename("https://new.invalid/")
    answer = dispatch(portal, Request("POST", f"/rest/{ANN}/s3cr3tcode/im.chat.mute", "CHAT_ID=1489"))
    assert answer.status == 302
    assert answer.headers["Location"] == f"https://new.invalid/rest/{ANN}/s3cr3tcode/im.chat.mute?CHAT_ID=1489"
    assert not portal.is_muted(ANN, 1489)


# --- tokens on calls -------------------------------------------------------------------------------------------------


@pytest.fixture
def token(portal: Portal) -> str:
    return str(portal.oauth.issue(portal.oauth.add_app(), ANN)["access_token"])


def test_a_token_goes_in_many_places(portal: Portal, token: str) -> None:
    assert get(portal, "/rest/profile", f"auth={token}")[1]["result"]["ID"] == "503"
    assert get(portal, "/rest/profile.json", f"access_token={token}")[0] == 200
    assert get(portal, "/rest/profile", "", {"authorization": f"Bearer {token}"})[0] == 200
    body = json.dumps({"CHAT_ID": 1489, "auth": token}).encode()
    dispatch(portal, Request("POST", "/rest/im.chat.mute", "", {"content-type": "application/json"}, body))
    assert portal.is_muted(ANN, 1489)
    assert get(portal, "/rest/profile", f"auth={token}") != get(portal, "/rest/profile", "")


@pytest.mark.parametrize("query", ["", "auth=", "auth=unknown", "auth[]=x"])
def test_no_auth_found(portal: Portal, query: str) -> None:
    status, answer = get(portal, "/rest/profile", query)
    assert (status, answer["error"]) == (401, "NO_AUTH_FOUND")


def test_expired_after_an_hour(portal: Portal, clock: Clock, token: str) -> None:
    clock.forward(3599)
    assert get(portal, "/rest/profile", f"auth={token}")[0] == 200
    clock.forward(1)
    status, answer = get(portal, "/rest/profile", f"auth={token}")
    assert (status, answer["error"]) == (401, "expired_token")


@pytest.mark.parametrize("status", ["server", "docs"])
def test_an_app_not_for_everyone(portal: Portal, token: str, status: Any) -> None:
    portal.quirks.auth_status = status
    portal.oauth.apps["local.app"].users = frozenset({BOB})
    expected = 401 if status == "server" else 403
    answer = get(portal, "/rest/profile", f"auth={token}")
    assert (answer[0], answer[1]["error"]) == (expected, "user_access_error")
    portal.oauth.apps["local.app"].installed = False
    assert get(portal, "/rest/profile", f"auth={token}")[1]["error"] == "APPLICATION_NOT_FOUND"


# --- the journal -----------------------------------------------------------------------------------------------------


def test_the_journal_holds_no_secret(portal: Portal, token: str) -> None:
    result(portal, "im.chat.mute", {"CHAT_ID": 1489, "auth": token})
    result(portal, "batch", {"cmd": {"a": f"im.chat.mute?CHAT_ID=1489&auth={token}"}, "auth": token})
    secret = portal.oauth.apps["local.app"].client_secret
    get(portal, "/rest/s3cr3tcode")
    get(portal, "/rest/s3cr3tcode/profile")
    get(portal, "/oauth/token/", f"grant_type=refresh_token&client_id=local.app&client_secret={secret}&refresh_token=x")
    kept = repr(portal.calls) + repr(portal.events) + json.dumps(portal.snapshot())
    for forbidden in ("s3cr3tcode", token, secret):
        assert forbidden not in kept


def test_the_journal_tells_errors(portal: Portal) -> None:
    call(portal, "im.chat.mute", {"CHAT_ID": 9})
    (entry,) = portal.calls
    assert (entry.method, entry.params, entry.user_id) == ("im.chat.mute", {"CHAT_ID": 9}, ANN)
    assert (entry.status, entry.error, entry.fault) == (403, "ACCESS_ERROR", None)
    portal.journal.clear()
    assert portal.calls == []


def test_snapshots_compare_states(portal: Portal) -> None:
    before = portal.snapshot()
    portal.mute_by_hand(ANN, 1489)
    assert portal.snapshot() != before
    portal.mute_by_hand(ANN, 1489, muted=False)
    assert portal.snapshot() == before
