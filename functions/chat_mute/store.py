"""DynamoDB: what the service remembers about accounts.

Items of the state table, by partition key ``pk`` and sort key ``sk``:

* ``account#NAME``, ``pause``: one attribute per paused method (``*`` for all), its end in Unix seconds.
* ``account#NAME``, ``refresh``: who is refreshing the account's tokens (``owner``), and until when at most (``until``).
"""

import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

_KEY = frozenset({"pk", "sk"})


class Store:
    """The state table."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def pauses(self, account: str) -> dict[str, datetime]:
        """Until when the account must not call a method; past instants may be among them. One consistent read."""
        item = self._dynamodb.get_item(TableName=self._table, Key=_key(account, "pause"), ConsistentRead=True).get(
            "Item", {}
        )
        return {
            method: datetime.fromtimestamp(float(value["N"]), UTC)
            for method, value in item.items()
            if method not in _KEY
        }

    def pause(self, account: str, method: str, until: datetime) -> None:
        """Remembers one pause beside the others. One write."""
        self._dynamodb.update_item(
            TableName=self._table,
            Key=_key(account, "pause"),
            UpdateExpression="SET #method = :until",
            ExpressionAttributeNames={"#method": method},
            ExpressionAttributeValues={":until": {"N": str(until.timestamp())}},
        )

    def lock_refresh(self, account: str, owner: str, now: datetime, until: datetime) -> bool:
        """Makes ``owner`` the account's only refresher, unless somebody is and has time left. One conditional write."""
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=_key(account, "refresh"),
                UpdateExpression="SET #owner = :owner, #until = :until",
                ConditionExpression="attribute_not_exists(#until) OR #until < :now",
                ExpressionAttributeNames={"#owner": "owner", "#until": "until"},
                ExpressionAttributeValues={
                    ":owner": {"S": owner},
                    ":until": {"N": str(until.timestamp())},
                    ":now": {"N": str(now.timestamp())},
                },
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def unlock_refresh(self, account: str, owner: str) -> None:
        """Lets the next one refresh, if ``owner`` is still the one. One conditional write."""
        with contextlib.suppress(self._dynamodb.exceptions.ConditionalCheckFailedException):
            self._dynamodb.update_item(
                TableName=self._table,
                Key=_key(account, "refresh"),
                UpdateExpression="REMOVE #owner, #until",
                ConditionExpression="#owner = :owner",
                ExpressionAttributeNames={"#owner": "owner", "#until": "until"},
                ExpressionAttributeValues={":owner": {"S": owner}},
            )


def _key(account: str, kind: str) -> "Mapping[str, AttributeValueTypeDef]":
    return {"pk": {"S": f"account#{account}"}, "sk": {"S": kind}}
