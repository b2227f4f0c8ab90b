"""Accounts: who may call which, what the portal says about them, and secrets that change."""

from collections.abc import Callable

from local.world import ANN, BEN, DEAL
from tests.e2e.conftest import Service


def test_a_caller_granted_one_account_reaches_no_other(
    service: Service, account: str, new_account: Callable[..., str]
) -> None:
    caller = service.stack.caller(f"only-{account}", f"POST/{account}/*")
    other = new_account()
    assert service.call_as(caller, "POST", f"/{account}/im.chat.mute", {"CHAT_ID": DEAL}).status_code == 200
    before = service.asked()
    for path in (f"/{other}/im.chat.mute", f"/{account}%2F..%2F{other}/im.chat.mute"):
        assert service.call_as(caller, "POST", path, {"CHAT_ID": DEAL}).status_code in {403, 404}
    assert service.asked() == before


def test_an_account_is_shown_as_the_portal_sees_it(service: Service, account: str) -> None:
    seen = service.call("GET", f"/{account}").json()
    checked_at = seen.pop("checked_at")
    assert len(checked_at) == 20
    assert checked_at.endswith("Z")
    assert seen == {
        "account": account,
        "auth": "webhook",
        "portal": service.stack.server.url.removeprefix("https://"),
        "user_id": ANN,
        "usable": True,
        "error": None,
    }


def test_an_account_without_the_scope_is_not_usable(service: Service, new_account: Callable[..., str]) -> None:
    seen = service.call("GET", f"/{new_account(scopes=('crm',))}").json()
    assert (seen["usable"], seen["error"]) == (False, "insufficient_scope")


def test_a_webhook_that_acts_for_somebody_else_is_told(service: Service, account: str) -> None:
    service.portal.change_webhook_owner(ANN, BEN)
    seen = service.call("GET", f"/{account}").json()
    assert (seen["usable"], seen["error"], seen["user_id"]) == (False, "USER_CHANGED", ANN)
    service.portal.change_webhook_owner(ANN, ANN)


def test_a_rotated_secret_is_read_again_at_the_first_credential_error(service: Service, account: str) -> None:
    assert service.mute(account, {"CHAT_ID": DEAL}).status_code == 200
    service.portal.delete_webhook(ANN)
    response = service.mute(account, {"CHAT_ID": DEAL})
    assert (response.status_code, response.json()["error"]) == (502, "INVALID_CREDENTIALS")
    code = f"c0de5ecret{account}"
    service.portal.add_webhook(ANN, code)
    service.stack.put_account(account, {"webhook_url": f"{service.stack.server.url}/rest/{ANN}/{code}/"})
    assert service.mute(account, {"CHAT_ID": DEAL}).status_code == 200


def test_the_secret_is_cached_between_requests(service: Service, account: str) -> None:
    assert service.mute(account, {"CHAT_ID": DEAL}).status_code == 200
    secrets = service.stack.emulator.client("secretsmanager")
    secrets.delete_secret(SecretId=f"quiet-hours/{account}", ForceDeleteWithoutRecovery=True)
    assert service.mute(account, {"CHAT_ID": DEAL}).status_code == 200
