"""DynamoDB: what the service remembers about accounts.

Items of the state table, by partition key ``pk`` and sort key ``sk``:

* ``account#NAME``, ``pause``: one attribute per paused method (``*`` for all), its end in Unix seconds.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

_KEY = frozenset({"pk", "sk"})


class Store:
    """The state table."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def pauses(self, account: str) -> dict[str, datetime]:
        """Until when the account must not call a method; past instants may be among them. One eventual read."""
        item = self._dynamodb.get_item(TableName=self._table, Key=_pause_key(account)).get("Item", {})
        return {
            method: datetime.fromtimestamp(float(value["N"]), UTC)
            for method, value in item.items()
            if method not in _KEY
        }

    def pause(self, account: str, method: str, until: datetime) -> None:
        """Remembers one pause beside the others. One write."""
        self._dynamodb.update_item(
            TableName=self._table,
            Key=_pause_key(account),
            UpdateExpression="SET #method = :until",
            ExpressionAttributeNames={"#method": method},
            ExpressionAttributeValues={":until": {"N": str(until.timestamp())}},
        )


class AccountStore:
    """One account's part of the store, as `bitrix24.Client` wants it."""

    def __init__(self, store: Store, account: str) -> None:
        self._store = store
        self._account = account

    def pauses(self) -> Mapping[str, datetime]:
        """See `Store.pauses`."""
        return self._store.pauses(self._account)

    def pause(self, method: str, until: datetime) -> None:
        """See `Store.pause`."""
        self._store.pause(self._account, method, until)


def _pause_key(account: str) -> "Mapping[str, AttributeValueTypeDef]":
    return {"pk": {"S": f"account#{account}"}, "sk": {"S": "pause"}}
