"""The token server: one-time tokens, grants, and how it refuses."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from local.portal import Fault, Portal, Request, dispatch
from local.portal.wire import Delivery
from tests.unit.portal_calls import ANN, BOB, Clock, new_portal

CLIENT = {"client_id": "local.app", "client_secret": "very-secret"}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def portal(clock: Clock) -> Portal:
    portal = new_portal(clock=clock)
    portal.oauth.add_app("local.app", "very-secret", ("im", "crm"))
    return portal


@pytest.fixture
def pair(portal: Portal) -> dict[str, Any]:
    return portal.oauth.issue(portal.oauth.apps["local.app"], ANN)


def ask(portal: Portal, fields: dict[str, Any], verb: str = "POST") -> tuple[int, Any]:
    form = urlencode(fields)
    if verb == "GET":
        answer = dispatch(portal, Request("GET", "/oauth/token/", form))
    else:
        headers = {"content-type": "application/x-www-form-urlencoded"}
        answer = dispatch(portal, Request("POST", "/oauth/token/", "", headers, form.encode()))
    return answer.status, json.loads(answer.body)


def refresh(portal: Portal, token: str, verb: str = "POST", **changes: str) -> tuple[int, Any]:
    return ask(portal, {"grant_type": "refresh_token", **CLIENT, "refresh_token": token, **changes}, verb)


def status_of(portal: Portal, access_token: str) -> tuple[int, str | None]:
    answer = dispatch(portal, Request("GET", "/rest/profile", f"auth={access_token}"))
    return answer.status, json.loads(answer.body).get("error")


@pytest.mark.parametrize("verb", ["GET", "POST"])
def test_refresh(portal: Portal, clock: Clock, pair: dict[str, Any], verb: str) -> None:
    status, new = refresh(portal, pair["refresh_token"], verb)
    assert status == 200
    assert set(new) == {
        "access_token", "refresh_token", "expires", "expires_in", "client_endpoint", "server_endpoint", "domain",
        "member_id", "scope", "status", "user_id",
    }  # fmt: skip
    assert (new["expires_in"], new["expires"], new["user_id"], new["scope"]) == (
        3600,
        int(clock()) + 3600,
        ANN,
        "crm,im",
    )
    assert status_of(portal, new["access_token"]) == (200, None)


def test_a_refresh_token_works_once_and_ends_its_access_token(portal: Portal, pair: dict[str, Any]) -> None:
    assert status_of(portal, pair["access_token"]) == (200, None)
    refresh(portal, pair["refresh_token"])
    assert status_of(portal, pair["access_token"]) == (401, "NO_AUTH_FOUND")
    status, answer = refresh(portal, pair["refresh_token"])
    assert (status, answer["error"]) == (400, "invalid_grant")


def test_a_lost_answer_loses_the_pair(portal: Portal, pair: dict[str, Any]) -> None:
    portal.faults.add(Fault.reset_after_effect(), method="oauth.token")
    form = urlencode({"grant_type": "refresh_token", **CLIENT, "refresh_token": pair["refresh_token"]})
    assert dispatch(portal, Request("GET", "/oauth/token/", form)).delivery is Delivery.RESET
    assert refresh(portal, pair["refresh_token"])[1]["error"] == "invalid_grant"


def test_refresh_tokens_live_180_days(portal: Portal, clock: Clock, pair: dict[str, Any]) -> None:
    clock.forward(180 * 86400)
    assert refresh(portal, pair["refresh_token"])[1]["error"] == "invalid_grant"


def test_expiry_and_revocation_on_demand(portal: Portal, pair: dict[str, Any]) -> None:
    other = portal.oauth.issue(portal.oauth.apps["local.app"], BOB)
    portal.oauth.expire(pair["access_token"])
    assert status_of(portal, pair["access_token"]) == (401, "expired_token")
    assert status_of(portal, other["access_token"]) == (200, None)
    portal.oauth.expire()
    assert status_of(portal, other["access_token"]) == (401, "expired_token")
    portal.oauth.revoke()
    assert status_of(portal, other["access_token"]) == (401, "NO_AUTH_FOUND")
    assert refresh(portal, other["refresh_token"])[1]["error"] == "invalid_grant"


@pytest.mark.parametrize("changes", [{"client_id": "other"}, {"client_secret": "wrong"}])
def test_wrong_client_is_a_200(portal: Portal, pair: dict[str, Any], changes: dict[str, str]) -> None:
    status, answer = refresh(portal, pair["refresh_token"], **changes)
    assert (status, answer["error"]) == (200, "WRONG_CLIENT")
    portal.quirks.wrong_client_is_200 = False
    status, answer = refresh(portal, pair["refresh_token"], **changes)
    assert (status, answer["error"]) == (401, "invalid_client")
    assert refresh(portal, pair["refresh_token"])[0] == 200, "a refused request must not use the token up"


def test_refusals(portal: Portal, pair: dict[str, Any]) -> None:
    assert ask(portal, {})[1]["error"] == "invalid_request"
    assert refresh(portal, "unknown")[0] == 400
    app = portal.oauth.apps["local.app"]
    app.paid = False
    assert refresh(portal, pair["refresh_token"])[1]["error"] == "PAYMENT_REQUIRED"
    app.installed = False
    assert refresh(portal, pair["refresh_token"])[1]["error"] == "NOT_INSTALLED"


def test_a_token_of_another_app_is_no_grant(portal: Portal, pair: dict[str, Any]) -> None:
    other = portal.oauth.add_app("other.app", "another-secret")
    form = {"grant_type": "refresh_token", "client_id": "other.app", "client_secret": other.client_secret}
    assert ask(portal, {**form, "refresh_token": pair["refresh_token"]})[1]["error"] == "invalid_grant"


def test_authorisation_codes(portal: Portal, clock: Clock) -> None:
    app = portal.oauth.apps["local.app"]
    fields = {"grant_type": "authorization_code", **CLIENT, "code": portal.oauth.code(app, ANN)}
    status, answer = ask(portal, fields)
    assert status == 200
    assert {"expires", "user_id"}.isdisjoint(answer)
    assert status_of(portal, answer["access_token"]) == (200, None)
    assert ask(portal, fields)[1]["error"] == "invalid_grant"
    late = portal.oauth.code(app, ANN)
    clock.forward(30)
    assert ask(portal, {**fields, "code": late})[1]["error"] == "invalid_grant"


def test_the_token_server_is_not_in_the_bucket(portal: Portal) -> None:
    for _ in range(60):
        assert ask(portal, {})[1]["error"] == "invalid_request"
    assert len(portal.calls_of("oauth.token")) == 60
