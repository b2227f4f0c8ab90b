"""One DynamoDB table with the key ``pk``, ``sk``: reads and conditional writes in plain values."""

import random
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bitrix24 import Clock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_WAITS = 0.02, 0.05, 0.1, 0.2  # seconds
_jitter = random.SystemRandom()

Item = dict[str, Any]
Fields = Mapping[str, Any]


class Conflict(Exception):
    """Somebody else has changed the item since it was read."""


class Number(str):
    """A number in DynamoDB's own words, so that it compares equal to what is stored."""

    __slots__ = ()


class Table:
    """The table.

    Items that are insisted on when they are written have a ``version``, new with each write.
    """

    def __init__(self, dynamodb: "DynamoDBClient", name: str, clock: Clock) -> None:
        self._dynamodb: Any = dynamodb  # arguments are put together here, which boto3's stubs cannot follow
        self._name = name
        self._clock = clock

    def get(self, pk: str, sk: str) -> Item | None:
        """One item, consistent, as DynamoDB writes it."""
        item: Item | None = self._dynamodb.get_item(TableName=self._name, Key=key(pk, sk), ConsistentRead=True).get(
            "Item"
        )
        return item

    def items(self, pk: str, prefix: str) -> Iterator[Item]:
        """All items of ``pk`` whose ``sk`` begins so, consistent."""
        return self._pages(self._of(pk, prefix))

    def page(self, pk: str, prefix: str, after: str | None, limit: int) -> tuple[list[Item], str | None]:
        """At most ``limit`` of `items`, and the ``sk`` to go on after; None at the end."""
        start = {} if after is None else {"ExclusiveStartKey": key(pk, after)}
        answer = self._dynamodb.query(TableName=self._name, **self._of(pk, prefix), Limit=limit, **start)
        last = answer.get("LastEvaluatedKey")
        return answer["Items"], last["sk"]["S"] if last else None

    def index(
        self, name: str, condition: str, limit: int, *, after: Item | None = None, **known: Any
    ) -> Iterator[Item]:  # fmt: skip
        """What an index holds, ``limit`` to a page, from the beginning or ``after`` a key."""
        query = {"IndexName": name, "KeyConditionExpression": condition, "Limit": limit, **_words(condition, known)}
        return self._pages(query, after)

    def update(self, pk: str, sk: str, fields: Fields, add: Fields | None = None) -> None:
        """Sets attributes, or removes those that are None, and adds to numbers."""
        self._alone(self._dynamodb.update_item, self.change(pk, sk, fields, add))

    def update_if(
        self, condition: str, pk: str, sk: str, fields: Fields, add: Fields | None = None, **known: Any
    ) -> Item | None:
        """`update` under a condition of ``#attributes`` and ``:known`` values: the item afterwards, None if not met."""
        change = self.change(pk, sk, fields, add)
        words = _words(condition, known)
        change |= {name: {**change.get(name, {}), **more} for name, more in words.items()}
        change |= {"ConditionExpression": condition, "ReturnValues": "ALL_NEW"}
        try:
            item: Item = self._alone(self._dynamodb.update_item, change)["Attributes"]
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return None
        return item

    def save(self, put: Item) -> str:
        """Does a `put`. Returns the new version.

        Raises:
            Conflict: it is not what was seen.
        """
        self._write(self._dynamodb.put_item, put)
        return version(put)

    def remove(self, delete: Item) -> None:
        """Does a `delete`.

        Raises:
            Conflict: it is not what was seen.
        """
        self._write(self._dynamodb.delete_item, delete)

    def remove_if(self, condition: str, pk: str, sk: str, **known: Any) -> bool:
        """Removes an item under a condition, see `update_if`; False if it is not met."""
        delete = {**self.delete(pk, sk, None), "ConditionExpression": condition, **_words(condition, known)}
        try:
            self._alone(self._dynamodb.delete_item, delete)
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def together(self, *writes: tuple[str, Item]) -> None:
        """Several writes, all or none; boto3 gives them a token, so that its own retries count once.

        Raises:
            Conflict: one of them is not what was seen.
        """
        try:
            self._dynamodb.transact_write_items(TransactItems=[{kind: write} for kind, write in writes])
        except self._dynamodb.exceptions.TransactionCanceledException as error:
            codes = {one.get("Code") for one in error.response["CancellationReasons"]}
            if not codes & {"ConditionalCheckFailed", "TransactionConflict"}:
                raise
        else:
            return
        raise Conflict

    def put(self, pk: str, sk: str, fields: Fields, seen: str | None) -> Item:
        """A write of a whole item that must still be what was seen; None: that must not exist."""
        item = {name: value(one) for name, one in {**fields, "version": secrets.token_hex(8)}.items()}
        return {"TableName": self._name, "Item": {**key(pk, sk), **item}, **_unchanged(seen)}

    def delete(self, pk: str, sk: str, seen: str | None) -> Item:
        """A removal of an item that must still be what was seen; None: whatever it is."""
        return {"TableName": self._name, "Key": key(pk, sk), **(_unchanged(seen) if seen else {})}

    def change(self, pk: str, sk: str, fields: Fields, add: Fields | None = None) -> Item:
        """An update, see `update`."""
        add = add or {}
        short = {name: f"a{number}" for number, name in enumerate({**fields, **add})}
        clauses = {
            "SET": [f"#{short[name]} = :{short[name]}" for name, one in fields.items() if one is not None],
            "REMOVE": [f"#{short[name]}" for name, one in fields.items() if one is None],
            "ADD": [f"#{short[name]} :{short[name]}" for name in add],
        }
        values = {f":{short[name]}": value(one) for name, one in {**fields, **add}.items() if one is not None}
        return {
            "TableName": self._name,
            "Key": key(pk, sk),
            "UpdateExpression": " ".join(f"{verb} {', '.join(parts)}" for verb, parts in clauses.items() if parts),
            "ExpressionAttributeNames": {f"#{alias}": name for name, alias in short.items()},
            **({"ExpressionAttributeValues": values} if values else {}),
        }

    def _of(self, pk: str, prefix: str) -> Item:
        condition = "#pk = :pk AND begins_with(#sk, :prefix)"
        return {
            "KeyConditionExpression": condition,
            "ConsistentRead": True,
            **_words(condition, {"pk": pk, "prefix": prefix}),
        }

    def _pages(self, query: Item, after: Item | None = None) -> Iterator[Item]:
        start: Item = {"ExclusiveStartKey": after} if after else {}
        while True:
            answer = self._dynamodb.query(TableName=self._name, **query, **start)
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _alone(self, operation: Callable[..., Any], arguments: Item) -> Any:
        """A single write; again where it meets a transaction on the same item, which boto3 does not do by itself."""
        for wait in _WAITS:
            try:
                return operation(**arguments)
            except self._dynamodb.exceptions.TransactionConflictException:
                self._clock.sleep(_jitter.uniform(wait / 2, wait))
        return operation(**arguments)

    def _write(self, operation: Callable[..., Any], arguments: Item) -> None:
        try:
            self._alone(operation, arguments)
        except self._dynamodb.exceptions.ConditionalCheckFailedException as error:
            found = error.response.get("Item")
        else:
            return
        if not _is_ours(arguments, found):
            raise Conflict


def version(put: Item) -> str:
    """The version that a `Table.put` gives the item."""
    new: str = put["Item"]["version"]["S"]
    return new


def key(pk: str, sk: str) -> Item:
    """The key of an item."""
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def value(one: Any) -> Item:
    """A value as DynamoDB wants it; instants are Unix seconds."""
    if isinstance(one, bool):
        return {"BOOL": one}
    if isinstance(one, str):
        return {"N": str(one)} if isinstance(one, Number) else {"S": one}
    return {"N": str(one.timestamp() if isinstance(one, datetime) else one)}


def moment(stored: Item) -> datetime:
    """The instant that is stored so."""
    return datetime.fromtimestamp(float(stored["N"]), UTC)


def number(item: Item, name: str) -> int:
    """A whole number, 0 where there is none."""
    return int(item[name]["N"]) if name in item else 0


def _words(condition: str, known: Fields) -> Item:
    """The attributes' names and the values in an expression; names are given apart, for DynamoDB reserves hundreds."""
    return {
        "ExpressionAttributeNames": {f"#{name}": name for name in re.findall(r"#([a-z]+)", condition)},
        **({"ExpressionAttributeValues": {f":{name}": value(one) for name, one in known.items()}} if known else {}),
    }


def _unchanged(seen: str | None) -> Item:
    """The condition; what is there instead comes with the refusal."""
    condition = "attribute_not_exists(#pk)" if seen is None else "#version = :seen"
    known = {} if seen is None else {"seen": seen}
    return {
        "ConditionExpression": condition,
        **_words(condition, known),
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def _is_ours(written: Item, found: Item | None) -> bool:
    """Whether a refused write is one that had been done: its answer was lost, and boto3 has sent it again."""
    if "Item" in written:
        return found is not None and found["version"] == written["Item"]["version"]
    return found is None
