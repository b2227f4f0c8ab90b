"""An OAuth account through the whole stack: real Secrets Manager calls, the real lock, the portal's token server."""

import json
from typing import Any

import pytest

from local.world import ANN, DEAL
from tests.e2e.conftest import Service


@pytest.fixture
def oauth_account(service: Service, request: pytest.FixtureRequest) -> str:
    """Ann's account as an installed app has it."""
    service.portal.faults.clear()
    app = service.portal.oauth.apps.get("local.app") or service.portal.oauth.add_app(client_secret="c0de5ecretapp")
    pair = service.portal.oauth.issue(app, ANN, service.stack.server.url)
    name = f"oauth-{abs(hash(request.node.name)) % 10**8}"
    service.stack.put_account(name, {"client_id": app.client_id, "client_secret": app.client_secret, **pair})
    return name


def stored(service: Service, account: str) -> dict[str, Any]:
    secrets = service.stack.emulator.client("secretsmanager")
    content: dict[str, Any] = json.loads(secrets.get_secret_value(SecretId=f"quiet-hours/{account}")["SecretString"])
    return content


def test_a_chat_is_muted_with_the_token_in_the_body(service: Service, oauth_account: str) -> None:
    assert service.mute(oauth_account, {"CHAT_ID": DEAL}).status_code == 200
    assert service.portal.is_muted(ANN, DEAL)
    seen = service.call("GET", f"/{oauth_account}").json()
    assert (seen["auth"], seen["user_id"], seen["usable"]) == ("oauth", ANN, True)


def test_an_expired_token_is_refreshed_once_and_the_new_pair_is_stored(service: Service, oauth_account: str) -> None:
    before = stored(service, oauth_account)
    service.portal.oauth.expire(before["access_token"])
    refreshes = len(service.portal.calls_of("oauth.token"))
    assert service.mute(oauth_account, {"CHAT_ID": DEAL}).status_code == 200
    assert service.mute(oauth_account, {"CHAT_ID": DEAL}).status_code == 200
    assert len(service.portal.calls_of("oauth.token")) == refreshes + 1
    after = stored(service, oauth_account)
    assert after["refresh_token"] != before["refresh_token"]
    assert after["client_secret"] == before["client_secret"]
    service.said.append(service.mute(oauth_account, {"CHAT_ID": DEAL, "MUTE": "N"}).text)


def test_a_spent_refresh_token_is_an_explained_error_and_asked_once(service: Service, oauth_account: str) -> None:
    service.portal.oauth.expire(stored(service, oauth_account)["access_token"])
    service.portal.oauth.forget_refresh_tokens()
    refreshes = len(service.portal.calls_of("oauth.token"))
    for _ in range(2):
        response = service.mute(oauth_account, {"CHAT_ID": DEAL})
        assert (response.status_code, response.json()["error"]) == (502, "invalid_grant")
        assert "install the app again" in response.json()["error_description"]
    assert len(service.portal.calls_of("oauth.token")) == refreshes + 1
