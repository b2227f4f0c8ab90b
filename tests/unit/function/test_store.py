"""The state table: pauses."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from bitrix24 import EVERY_METHOD
from chat_mute.store import Store
from local.inmemory import DynamoDB
from tests.unit.function.doubles import client_error, state, tables

UNTIL = datetime(2026, 3, 3, 12, 5, 0, 250_000, tzinfo=UTC)


@pytest.fixture
def dynamodb() -> DynamoDB:
    return tables()


@pytest.fixture
def store(dynamodb: DynamoDB) -> Store:
    return state(dynamodb)


def test_an_account_without_pauses_has_none(store: Store, dynamodb: DynamoDB) -> None:
    assert store.pauses("default") == {}
    assert dynamodb.calls == {"get_item": 1}


def test_the_head_of_an_account_has_its_pauses_and_the_next_who_asks_for_them_gets_those(
    store: Store, dynamodb: DynamoDB
) -> None:
    store.pause("default", EVERY_METHOD, UNTIL)
    assert store.head("default", calling=True).pauses == {EVERY_METHOD: UNTIL}
    assert store.pauses("default") == {EVERY_METHOD: UNTIL}
    assert dynamodb.calls["get_item"] == 1
    assert store.pauses("default") == {EVERY_METHOD: UNTIL}
    assert dynamodb.calls["get_item"] == 2, "once only: by then it is another purpose, and may be another time"


def test_a_head_that_no_call_follows_leaves_nothing_for_a_later_one(store: Store, dynamodb: DynamoDB) -> None:
    store.head("default")
    store.pause("default", EVERY_METHOD, UNTIL)
    assert store.pauses("default") == {EVERY_METHOD: UNTIL}


@pytest.mark.parametrize("meetings", [1, 4, 5])
def test_a_write_that_meets_a_transaction_on_the_same_item_is_done_again(
    store: Store, dynamodb: DynamoDB, meetings: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, conflict = dynamodb.update_item, dynamodb.exceptions.TransactionConflictException
    met: list[None] = []

    def busy(**request: Any) -> Any:
        if len(met) < meetings:
            met.append(None)
            raise conflict(client_error("TransactionConflictException", "UpdateItem").response, "UpdateItem")
        return write(**request)

    monkeypatch.setattr(dynamodb, "update_item", busy)
    if meetings == 5:
        with pytest.raises(conflict):
            store.pause("default", EVERY_METHOD, UNTIL)
        return
    store.pause("default", EVERY_METHOD, UNTIL)
    assert store.pauses("default") == {EVERY_METHOD: UNTIL}


def test_pauses_are_kept_beside_each_other_and_replaced_by_newer_ones(store: Store, dynamodb: DynamoDB) -> None:
    store.pause("default", "im.chat.mute", UNTIL)
    store.pause("default", EVERY_METHOD, UNTIL)
    store.pause("default", EVERY_METHOD, UNTIL + timedelta(seconds=1))
    assert store.pauses("default") == {"im.chat.mute": UNTIL, EVERY_METHOD: UNTIL + timedelta(seconds=1)}
    assert dynamodb.calls == {"update_item": 3, "get_item": 1}


def test_accounts_do_not_share_pauses(store: Store) -> None:
    store.pause("default", EVERY_METHOD, UNTIL)
    assert store.pauses("other") == {}


def test_an_item_is_laid_out_as_documented(store: Store, dynamodb: DynamoDB) -> None:
    store.pause("default", "im.chat.mute", UNTIL)
    (item,) = dynamodb.items("state")
    assert (item.pop("pk"), item.pop("sk")) == ({"S": "account#default"}, {"S": "account"})
    assert {name: Decimal(value["N"]) for name, value in item.items()} == {
        "pause im.chat.mute": Decimal("1772539500.25")
    }


@pytest.mark.parametrize("until", [datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC), UNTIL])
def test_a_pause_comes_back_as_it_was(store: Store, until: datetime) -> None:
    store.pause("default", "im.chat.mute", until)
    assert store.pauses("default") == {"im.chat.mute": until}
    assert store.pauses("default")["im.chat.mute"].tzinfo is UTC


def test_its_requests_are_valid_for_dynamodb() -> None:
    """Against botocore's own model of the service, so that no parameter is only the fake's."""
    client = boto3.client("dynamodb")
    store = state(client)
    key = {"pk": {"S": "account#default"}, "sk": {"S": "account"}}
    with Stubber(client) as stubber:
        stubber.add_response(
            "get_item",
            {"Item": {**key, "pause *": {"N": "1772539500.25"}}},
            {"TableName": "state", "Key": key, "ConsistentRead": True},
        )
        assert store.pauses("default") == {"*": UNTIL}
        stubber.add_response(
            "update_item",
            {},
            {
                "TableName": "state",
                "Key": key,
                "UpdateExpression": "SET #a0 = :a0",
                "ExpressionAttributeNames": {"#a0": "pause *"},
                "ExpressionAttributeValues": {":a0": {"N": "1772539500.25"}},
            },
        )
        store.pause("default", "*", UNTIL)
        stubber.assert_no_pending_responses()
