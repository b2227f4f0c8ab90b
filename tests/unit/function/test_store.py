"""The state table: pauses."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import boto3
import pytest
from botocore.stub import Stubber

from bitrix24 import EVERY_METHOD
from chat_mute.store import Store
from tests.unit.function.doubles import FakeDynamoDB, as_client

UNTIL = datetime(2026, 3, 3, 12, 5, 0, 250_000, tzinfo=UTC)


@pytest.fixture
def dynamodb() -> FakeDynamoDB:
    return FakeDynamoDB()


@pytest.fixture
def store(dynamodb: FakeDynamoDB) -> Store:
    return Store(as_client(dynamodb), "state")


def test_an_account_without_pauses_has_none(store: Store, dynamodb: FakeDynamoDB) -> None:
    assert store.pauses("default") == {}
    assert dynamodb.calls == ["get_item"]


def test_pauses_are_kept_beside_each_other_and_replaced_by_newer_ones(store: Store, dynamodb: FakeDynamoDB) -> None:
    store.pause("default", "im.chat.mute", UNTIL)
    store.pause("default", EVERY_METHOD, UNTIL)
    store.pause("default", EVERY_METHOD, UNTIL + timedelta(seconds=1))
    assert store.pauses("default") == {"im.chat.mute": UNTIL, EVERY_METHOD: UNTIL + timedelta(seconds=1)}
    assert dynamodb.calls == ["update_item"] * 3 + ["get_item"]


def test_accounts_do_not_share_pauses(store: Store) -> None:
    store.pause("default", EVERY_METHOD, UNTIL)
    assert store.pauses("other") == {}


def test_an_item_is_laid_out_as_documented(store: Store, dynamodb: FakeDynamoDB) -> None:
    store.pause("default", "im.chat.mute", UNTIL)
    (item,) = dynamodb.items("state")
    assert (item.pop("pk"), item.pop("sk")) == ({"S": "account#default"}, {"S": "pause"})
    assert {name: Decimal(value["N"]) for name, value in item.items()} == {"im.chat.mute": Decimal("1772539500.25")}


@pytest.mark.parametrize("until", [datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC), UNTIL])
def test_a_pause_comes_back_as_it_was(store: Store, until: datetime) -> None:
    store.pause("default", "im.chat.mute", until)
    assert store.pauses("default") == {"im.chat.mute": until}
    assert store.pauses("default")["im.chat.mute"].tzinfo is UTC


def test_its_requests_are_valid_for_dynamodb() -> None:
    """Against botocore's own model of the service, so that no parameter is only the fake's."""
    client = boto3.client("dynamodb")
    store = Store(client, "state")
    key = {"pk": {"S": "account#default"}, "sk": {"S": "pause"}}
    with Stubber(client) as stubber:
        stubber.add_response(
            "get_item",
            {"Item": {**key, "*": {"N": "1772539500.25"}}},
            {"TableName": "state", "Key": key, "ConsistentRead": True},
        )
        assert store.pauses("default") == {"*": UNTIL}
        stubber.add_response(
            "update_item",
            {},
            {
                "TableName": "state",
                "Key": key,
                "UpdateExpression": "SET #method = :until",
                "ExpressionAttributeNames": {"#method": "*"},
                "ExpressionAttributeValues": {":until": {"N": "1772539500.25"}},
            },
        )
        store.pause("default", "*", UNTIL)
        stubber.assert_no_pending_responses()
