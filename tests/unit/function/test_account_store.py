"""What an account's client remembers: its tokens in the secret, the right to refresh them in DynamoDB."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from bitrix24 import CROWD, OAuth, Rate, Webhook
from bitrix24.errors import CredentialError
from chat_mute.account_store import AccountStore
from chat_mute.accounts import Secrets, parse
from chat_mute.store import Store
from chat_mute.table import Table
from local.inmemory import DynamoDB
from tests.unit.function.doubles import URL, FakeClock, FakeSecrets, as_client, tables

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(seconds=30)
TOKENS = {
    "client_id": "local.app", "client_secret": "s", "access_token": "a", "refresh_token": "r", "user_id": 503,
    "client_endpoint": "https://portal.example/rest/", "server_endpoint": "https://oauth.bitrix.info/rest/",
}  # fmt: skip


@pytest.fixture
def secrets() -> FakeSecrets:
    return FakeSecrets(default=json.dumps(TOKENS))


@pytest.fixture
def store(secrets: FakeSecrets) -> AccountStore:
    return another(secrets, tables())


def another(secrets: FakeSecrets, dynamodb: DynamoDB) -> AccountStore:
    return remembering(dynamodb, secrets)


def remembering(dynamodb: Any, secrets: FakeSecrets) -> AccountStore:
    table = Table(as_client(dynamodb), "state", FakeClock())
    return AccountStore(Store(table), table, Secrets(lambda: as_client(secrets), "quiet-hours"), "default")


def test_loading_passes_the_cache_by(secrets: FakeSecrets, store: AccountStore) -> None:
    assert isinstance(store.load(), OAuth)
    secrets.put("default", json.dumps({"webhook_url": URL}))
    assert isinstance(store.load(), Webhook)


def test_what_is_saved_is_loaded(secrets: FakeSecrets, store: AccountStore) -> None:
    store.save({**TOKENS, "access_token": "b"})
    loaded = store.load()
    assert isinstance(loaded, OAuth)
    assert loaded.document["access_token"] == "b"
    assert json.loads(secrets.get_secret_value(SecretId="quiet-hours/default")["SecretString"])["client_secret"] == "s"


def test_one_refresher_at_a_time(secrets: FakeSecrets) -> None:
    dynamodb = tables()
    one, other = another(secrets, dynamodb), another(secrets, dynamodb)
    assert one.lock_refresh(NOW, LATER)
    assert not other.lock_refresh(NOW, LATER)
    one.unlock_refresh()
    assert other.lock_refresh(NOW, LATER)


def test_a_dead_refreshers_right_ends_by_itself_and_it_takes_nobody_elses_away(secrets: FakeSecrets) -> None:
    dynamodb = tables()
    dead, next_, third = (another(secrets, dynamodb) for _ in range(3))
    assert dead.lock_refresh(NOW, LATER)
    assert not next_.lock_refresh(LATER, LATER + timedelta(seconds=30))
    assert next_.lock_refresh(LATER + timedelta(seconds=1), LATER + timedelta(seconds=31))
    dead.unlock_refresh()
    assert not third.lock_refresh(LATER + timedelta(seconds=2), LATER + timedelta(seconds=60))


def test_many_calls_that_wait_are_a_crowd_until_they_have_had_their_tries(secrets: FakeSecrets) -> None:
    dynamodb = tables()
    one, other = another(secrets, dynamodb), another(secrets, dynamodb)
    until = NOW + timedelta(seconds=10)
    for seconds in (0, 3, 9):
        now = NOW + timedelta(seconds=seconds)
        assert CROWD not in one.pauses()
        assert other.may_wait(now, now + timedelta(seconds=10), 3)
    assert one.pauses()[CROWD] == until
    assert not other.may_wait(until - timedelta(seconds=1), until, 3)
    assert other.may_wait(until, until + timedelta(seconds=10), 3)


@pytest.mark.parametrize("most", [0, 1])
def test_of_a_slow_portal_the_second_is_a_crowd(secrets: FakeSecrets, most: int) -> None:
    store = another(secrets, tables())
    assert store.may_wait(NOW, LATER, most)
    assert not store.may_wait(NOW, LATER, most)
    assert store.pauses()[CROWD] == LATER


def test_calls_that_wait_now_and_then_are_none(secrets: FakeSecrets) -> None:
    store = another(secrets, tables())
    for seconds in range(0, 60, 6):
        now = NOW + timedelta(seconds=seconds)
        assert store.may_wait(now, now + timedelta(seconds=10), 3)
    assert CROWD not in store.pauses()


def test_its_requests_are_valid_for_dynamodb(secrets: FakeSecrets) -> None:
    client = boto3.client("dynamodb")
    store = remembering(client, secrets)
    with Stubber(client) as stubber:
        stubber.add_response("update_item", {"Attributes": {}})
        assert store.lock_refresh(NOW, LATER)
        stubber.add_client_error("update_item", "ConditionalCheckFailedException")
        assert not store.lock_refresh(NOW, LATER)
        stubber.add_client_error("update_item", "ConditionalCheckFailedException")
        store.unlock_refresh()
        stubber.add_client_error("update_item", "ConditionalCheckFailedException")
        stubber.add_response("update_item", {})
        assert store.may_wait(NOW, LATER, 3)


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (None, Rate(50, 2)),
        ({"burst": 250, "per_second": 5}, Rate(250, 5)),
        ({"burst": 9, "per_second": 0.5}, Rate(9, 0.5)),
    ],
)
def test_both_kinds_of_secret_may_carry_a_rate(rate: Any, expected: Rate) -> None:
    for secret in ({"webhook_url": URL}, TOKENS):
        content = secret if rate is None else {**secret, "rate": rate}
        assert parse(json.dumps(content))[1] == expected


@pytest.mark.parametrize(
    "rate",
    ["fast", [], {}, {"burst": 50}, {"burst": 0, "per_second": 2}, {"burst": -1, "per_second": 2},
     {"burst": True, "per_second": 2}, {"burst": "50", "per_second": 2}, {"burst": 50, "per_second": 2, "x": 1},
     {"burst": 1e9, "per_second": 2}],
)  # fmt: skip
def test_a_rate_that_is_none_is_refused(rate: Any) -> None:
    with pytest.raises(CredentialError, match="rate"):
        parse(json.dumps({"webhook_url": URL, "rate": rate}))
