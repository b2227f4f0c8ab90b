"""Accounts: from a secret to a client, and what happens when a secret is replaced."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

from bitrix24 import Client, muting
from bitrix24.errors import AccessRefused, AccountBlocked, CredentialError
from chat_mute.errors import AccountNotFound
from tests.unit.function.doubles import (
    CODE,
    OTHER_CODE,
    OTHER_URL,
    FakeSecrets,
    Portals,
    client_error,
    secret,
    success,
)
from tests.unit.layer.doubles import everything_said_by, refusal

WRONG = refusal("INVALID_CREDENTIALS", 401)


def mute(client: Client) -> Any:
    return muting.mute(client, chat_id=1, muted=True, time_left=lambda: 10.0).result


# ---- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("account", ["default", "a", "0", "team-a_1", "healthy", "health-2", "x" * 63])
def test_an_account_is_read_from_its_secret(account: str) -> None:
    secrets = FakeSecrets(**{account: secret()})
    assert Portals(secrets, success()).accounts.use(account, mute) is True
    assert secrets.read == [f"quiet-hours/{account}"]


@pytest.mark.parametrize(
    "account",
    [
        "",
        "health",
        "Default",
        "-a",
        "_a",
        "x" * 64,
        "a/b",
        "a.b",
        "a b",
        "a\n",
        "\u00e9",
        "\u0661",
        "..",
        "default ",
        "*",
    ],
)
def test_a_name_that_no_account_can_have_is_not_looked_up(account: str) -> None:
    secrets = FakeSecrets(**{account: secret()})
    with pytest.raises(AccountNotFound):
        Portals(secrets, success()).accounts.use(account, mute)
    assert secrets.read == []


def test_an_account_without_a_secret_is_not_found() -> None:
    secrets = FakeSecrets()
    portals = Portals(secrets, success())
    for _ in range(2):
        with pytest.raises(AccountNotFound):
            portals.accounts.use("default", mute)
    assert len(secrets.read) == 2, "that a secret is missing is not cached"
    assert portals.codes == []


def test_a_secret_scheduled_for_deletion_is_no_account() -> None:
    secrets = FakeSecrets(default=client_error("InvalidRequestException", "GetSecretValue"))
    with pytest.raises(AccountNotFound):
        Portals(secrets, success()).accounts.use("default", mute)


@pytest.mark.parametrize(
    "code", ["AccessDeniedException", "ThrottlingException", "DecryptionFailure", "InternalServiceError"]
)
def test_any_other_fault_of_secrets_manager_is_not_a_missing_account(code: str) -> None:
    secrets = FakeSecrets(default=client_error(code, "GetSecretValue"))
    with pytest.raises(GetParameterError):
        Portals(secrets, success()).accounts.use("default", mute)


# ---- caching --------------------------------------------------------------------------------------------------------


def test_secret_and_client_are_kept_between_calls() -> None:
    secrets = FakeSecrets(default=secret(), other=secret(OTHER_URL))
    portals = Portals(secrets, success())
    for account in ("default", "other", "default", "other"):
        portals.accounts.use(account, mute)
    assert secrets.read == ["quiet-hours/default", "quiet-hours/other"]
    assert portals.connected == [("default", CODE), ("other", OTHER_CODE)]
    assert portals.codes == [CODE, OTHER_CODE, CODE, OTHER_CODE]


def test_after_five_minutes_the_secret_is_read_again() -> None:
    secrets = FakeSecrets(default=secret())
    portals = Portals(secrets, success())
    portals.accounts.use("default", mute)
    ((key, kept),) = portals.secrets._cached.store.items()
    left = (kept.ttl - datetime.now()).total_seconds()  # noqa: DTZ005  Powertools' own clock
    assert 290 < left <= 300
    portals.secrets._cached.store[key] = kept._replace(ttl=kept.ttl - timedelta(seconds=301))
    secrets.put("default", secret(OTHER_URL))
    portals.accounts.use("default", mute)
    assert len(secrets.read) == 2
    assert portals.codes == [CODE, OTHER_CODE]


# ---- a replaced secret ----------------------------------------------------------------------------------------------


def test_a_replaced_secret_is_read_and_used_within_the_same_call() -> None:
    secrets = FakeSecrets(default=secret())
    portals = Portals(secrets, success(), WRONG, success())
    portals.accounts.use("default", mute)
    secrets.put("default", secret(OTHER_URL))
    assert portals.accounts.use("default", mute) is True
    assert portals.codes == [CODE, CODE, OTHER_CODE]
    assert portals.accounts.use("default", mute) is True
    assert portals.codes[3:] == [OTHER_CODE]
    assert len(secrets.read) == 2


def test_an_unchanged_secret_is_not_tried_again() -> None:
    secrets = FakeSecrets(default=secret())
    portals = Portals(secrets, WRONG)
    with pytest.raises(CredentialError) as caught:
        portals.accounts.use("default", mute)
    assert caught.value.code == "INVALID_CREDENTIALS"
    assert len(secrets.read) == 2
    assert portals.codes == [CODE]


def test_a_replaced_secret_that_is_wrong_too_is_not_replaced_once_more() -> None:
    secrets = FakeSecrets(default=secret())
    portals = Portals(secrets, WRONG)
    portals.secrets.read("default")
    secrets.put("default", secret(OTHER_URL))
    with pytest.raises(CredentialError):
        portals.accounts.use("default", mute)
    assert len(secrets.read) == 2
    assert portals.codes == [CODE, OTHER_CODE]


def test_a_secret_deleted_meanwhile_is_an_account_that_is_not_there() -> None:
    secrets = FakeSecrets(default=secret())
    portals = Portals(secrets, success(), WRONG)
    portals.accounts.use("default", mute)
    secrets.remove("default")
    with pytest.raises(AccountNotFound) as caught:
        portals.accounts.use("default", mute)
    assert CODE not in everything_said_by(caught.value)


@pytest.mark.parametrize(
    ("answer", "error"),
    [(refusal("ACCESS_ERROR", 403), AccessRefused), (refusal("ACCESS_DENIED", 401), AccountBlocked)],
)
def test_other_errors_do_not_read_the_secret_again(answer: Any, error: type[Exception]) -> None:
    secrets = FakeSecrets(default=secret())
    portals = Portals(secrets, answer)
    with pytest.raises(error):
        portals.accounts.use("default", mute)
    assert len(secrets.read) == 1


# ---- malformed secrets ----------------------------------------------------------------------------------------------

MALFORMED = [
    "",
    "not JSON",
    f"https://portal.example/rest/503/{CODE}/",
    json.dumps(f"https://portal.example/rest/503/{CODE}/"),
    json.dumps([CODE]),
    json.dumps({"webhook": f"https://portal.example/rest/503/{CODE}/"}),
    json.dumps({"webhook_url": None}),
    json.dumps({"webhook_url": [CODE]}),
    json.dumps({"webhook_url": f"http://portal.example/rest/503/{CODE}/"}),
    json.dumps({"webhook_url": f"https://portal.example/rest/api/503/{CODE}/"}),
    f'{{"webhook_url": "{CODE}"',
    "[" * 100_000,
    b'{"webhook_url": "binary"}',
    "null",
]


@pytest.mark.parametrize("content", MALFORMED, ids=range(len(MALFORMED)))
def test_a_malformed_secret_is_a_credential_error_that_does_not_quote_it(content: Any) -> None:
    secrets = FakeSecrets(default=content)
    portals = Portals(secrets, success())
    with pytest.raises(CredentialError) as caught:
        portals.accounts.use("default", mute)
    assert caught.value.code == "INVALID_CREDENTIALS"
    assert CODE not in everything_said_by(caught.value)
    assert portals.codes == []


def test_a_mended_secret_is_used_at_once() -> None:
    secrets = FakeSecrets(default="not JSON")
    portals = Portals(secrets, success())
    portals.secrets.read("default")
    secrets.put("default", secret())
    assert portals.accounts.use("default", mute) is True


def test_other_fields_of_a_secret_do_no_harm() -> None:
    secrets = FakeSecrets(default=secret(rate={"burst": 250, "per_second": 5}, note="ours"))
    assert Portals(secrets, success()).accounts.use("default", mute) is True
