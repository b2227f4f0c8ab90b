"""The four things a write can be, looked at before any of them is done.

Each function reads one request's arguments against a table and tells the change they ask for, and whether the condition
lets it happen; nothing is changed yet, so that several can be done all or none.
"""
# ruff: noqa: N803  the arguments are boto3's

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from botocore.exceptions import ClientError

from local.inmemory.conditions import Condition, compile_condition
from local.inmemory.errors import invalid
from local.inmemory.grammar import Names, Values, check_references
from local.inmemory.tables import Key, Record, Rows
from local.inmemory.updates import Changes, Update, compile_update
from local.inmemory.values import Item, size, stored, stored_item

_NO_ITEM: Item = {}


@dataclass(slots=True)
class Change:
    """What a write asks for.

    Attributes:
        rows: the table.
        key: the item's.
        old: the item as it is.
        new: the item as it is to be; none if it goes.
        refused: whether the condition is not met.
        shows_old: whether the refusal shows the item.
        attributes: what an update touched.
        fault: why an update cannot be done to the item as it is; the condition comes first.
    """

    rows: Rows
    key: Key
    old: Record | None
    new: Record | None
    refused: bool
    shows_old: bool
    attributes: Changes | None = None
    fault: ClientError | None = None

    @property
    def size(self) -> int:
        """What it is charged by: the larger one of the item before and after, also if it is refused."""
        return max(self.old.size if self.old else 0, self.new.size if self.new else 0)


@dataclass(frozen=True, slots=True)
class _Compiled:
    met: Condition | None
    update: Update | None
    names: frozenset[str]
    values: frozenset[str]


def put(
    rows: Rows,
    *,
    Item: Item,
    ConditionExpression: str | None = None,
    ExpressionAttributeNames: Names | None = None,
    ExpressionAttributeValues: Values | None = None,
    ReturnValuesOnConditionCheckFailure: str = "NONE",
) -> Change:
    """A whole item."""
    key = rows.key_of(Item)
    compiled = _compile(ConditionExpression, None)
    old, refused = _look(rows, key, compiled, ExpressionAttributeNames, ExpressionAttributeValues)
    new = rows.record(key, *stored_item(Item))
    return Change(rows, key, old, new, refused, ReturnValuesOnConditionCheckFailure == "ALL_OLD")


def update(
    rows: Rows,
    *,
    Key: Item,
    UpdateExpression: str | None = None,
    ConditionExpression: str | None = None,
    ExpressionAttributeNames: Names | None = None,
    ExpressionAttributeValues: Values | None = None,
    ReturnValuesOnConditionCheckFailure: str = "NONE",
) -> Change:
    """Some attributes of an item; the item is made if it is not there."""
    key = rows.key(Key)
    compiled = _compile(ConditionExpression, UpdateExpression)
    old, refused = _look(rows, key, compiled, ExpressionAttributeNames, ExpressionAttributeValues)
    changes: Changes = {}
    new, fault = old, None
    try:
        if compiled.update is not None:
            changes = compiled.update(
                old.item if old else Key, ExpressionAttributeNames or {}, ExpressionAttributeValues or {}
            )
        new = rows.record(key, *_changed(rows, old, Key, changes))
    except ClientError as error:
        fault = error
    return Change(rows, key, old, new, refused, ReturnValuesOnConditionCheckFailure == "ALL_OLD", changes, fault)


def delete(
    rows: Rows,
    *,
    Key: Item,
    ConditionExpression: str | None = None,
    ExpressionAttributeNames: Names | None = None,
    ExpressionAttributeValues: Values | None = None,
    ReturnValuesOnConditionCheckFailure: str = "NONE",
) -> Change:
    """No item, whether it is there or not."""
    key = rows.key(Key)
    compiled = _compile(ConditionExpression, None)
    old, refused = _look(rows, key, compiled, ExpressionAttributeNames, ExpressionAttributeValues)
    return Change(rows, key, old, None, refused, ReturnValuesOnConditionCheckFailure == "ALL_OLD")


def check(
    rows: Rows,
    *,
    Key: Item,
    ConditionExpression: str,
    ExpressionAttributeNames: Names | None = None,
    ExpressionAttributeValues: Values | None = None,
    ReturnValuesOnConditionCheckFailure: str = "NONE",
) -> Change:
    """The item as it is, if the condition is met."""
    key = rows.key(Key)
    compiled = _compile(ConditionExpression, None)
    old, refused = _look(rows, key, compiled, ExpressionAttributeNames, ExpressionAttributeValues)
    return Change(rows, key, old, old, refused, ReturnValuesOnConditionCheckFailure == "ALL_OLD")


ACTIONS: Mapping[str, Callable[..., Change]] = {
    "Put": put,
    "Update": update,
    "Delete": delete,
    "ConditionCheck": check,
}


@lru_cache(4096)
def _compile(condition: str | None, update: str | None) -> _Compiled:
    met = None if condition is None else compile_condition(condition)
    done = None if update is None else compile_update(update)
    names = (met.names if met else frozenset()) | (done.names if done else frozenset())
    values = (met.values if met else frozenset()) | (done.values if done else frozenset())
    return _Compiled(met.run if met else None, done.run if done else None, names, values)


def _look(
    rows: Rows, key: Key, compiled: _Compiled, names: Names | None, values: Values | None
) -> tuple[Record | None, bool]:
    """The item as it is, and whether the condition is not met."""
    check_references(compiled.names, compiled.values, names, values)
    old = rows.records.get(key)
    if compiled.met is None:
        return old, False
    return old, not compiled.met(old.item if old else _NO_ITEM, names or {}, values or {})


def _changed(rows: Rows, old: Record | None, key: Item, changes: Changes) -> tuple[Item, int]:
    """The item after the changes, and its size."""
    item, total = (dict(old.item), old.size) if old else stored_item(key)
    for name, value in changes.items():
        if name in rows.types:
            raise invalid(f"Cannot update attribute {name}. This attribute is part of the key")
        before = item.pop(name, None)
        if before is not None:
            total -= size(name, before)
        if value is not None:
            item[name] = stored(value)
            total += size(name, item[name])
    return item, total
